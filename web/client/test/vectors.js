// The wire vectors of `conformance/`.

import { readFileSync, readdirSync } from 'node:fs';

export { bytes, cuts, joined, random, string } from './cuts.js';

const FOLDER = new URL('../../../conformance/', import.meta.url);

/** Every case that is about decoding, with its file's name. */
export const cases = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json') && name !== 'encoding.json')
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')).cases.map((one) => ({ ...one, file })));
