// The package as it is published: its types, its size, its files.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const CLIENT = fileURLToPath(new URL('../', import.meta.url));
const ROOT = path.join(CLIENT, '../..');
const tsc = (...args) => {
  const file = path.join(CLIENT, '../node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [file, ...args], { encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout);
  }
};
const files = (folder) => readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.d.ts')).sort();

test('the code agrees with its types, and the published declarations are those of the code', () => {
  const fresh = mkdtempSync(path.join(tmpdir(), 'headwater-types-'));
  tsc('-p', CLIENT, '--outDir', fresh);
  const published = path.join(CLIENT, 'types');
  assert.deepEqual(files(published), files(fresh), 'run `npm run types`');
  for (const name of files(fresh)) {
    const [now, then] = [fresh, published].map((folder) => readFileSync(path.join(folder, name), 'utf8'));
    assert.equal(then, now, `${name}: run \`npm run types\``);
  }
});

test('a strict user compiles against it', () => tsc('-p', path.join(CLIENT, 'test/types')));

// What the page that uses `.` loads at once, and all that there is.
const CORE = 6 * 1024;
const ALL = 11 * 1024;

/** These modules in one piece, minified and gzipped, without those that are loaded when they are wanted: they are `later`. */
async function size(modules) {
  const later = new Set();
  const whenWanted = ({ onResolve }) => onResolve({ filter: /^\./ }, ({ kind, path: name, resolveDir }) => {
    if (kind !== 'dynamic-import') return undefined;
    later.add(path.resolve(resolveDir, name));
    return { path: name, external: true };
  });
  const contents = modules.map((file) => `export * from ${JSON.stringify(file)};`).join('\n');
  const { outputFiles } = await build({ stdin: { contents, resolveDir: CLIENT }, bundle: true, minify: true, format: 'esm',
    target: 'es2022', write: false, plugins: [{ name: 'when wanted', setup: whenWanted }] });
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2020, compress: { passes: 3 } });
  return { bytes: gzipSync(code, { level: 9 }).length, later };
}

test('minified and gzipped it stays small', async (t) => {
  const { exports } = JSON.parse(readFileSync(path.join(CLIENT, 'package.json'), 'utf8'));
  const modules = new Set(Object.values(exports).flatMap((entry) => (entry.default ? [path.join(CLIENT, entry.default)] : [])));
  const core = await size([path.join(CLIENT, 'index.js')]);
  let all;
  for (let known = 0; known < modules.size; ) {
    known = modules.size;
    all = await size([...modules]);
    // As they are met, which is not always in the same order.
    for (const file of [...all.later].sort()) modules.add(file);
  }
  t.diagnostic(`core ${core.bytes} bytes, everything ${all.bytes} bytes`);
  assert.ok(core.bytes <= CORE, `the core has ${core.bytes} bytes`);
  assert.ok(all.bytes <= ALL, `everything has ${all.bytes} bytes`);
});

test('what npm would publish', () => {
  const [{ files: packed }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: CLIENT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const names = packed.map((file) => file.path);
  const { exports } = JSON.parse(readFileSync(path.join(CLIENT, 'package.json'), 'utf8'));
  for (const entry of Object.values(exports)) {
    for (const target of typeof entry === 'string' ? [entry] : Object.values(entry)) assert.ok(names.includes(target.slice(2)), target);
  }
  for (const name of ['README.md', 'LICENSE-MIT', 'LICENSE-APACHE']) assert.ok(names.includes(name), name);
  assert.ok(names.every((name) => !name.startsWith('test/') && !name.endsWith('tsconfig.json')), String(names));
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) {
    assert.equal(readFileSync(path.join(CLIENT, name), 'utf8'), readFileSync(path.join(ROOT, name), 'utf8'));
  }
});
