/**
 * The body's text.
 *
 * @param {Response} response
 * @param {number} max
 * @throws {HeadwaterError} it has more bytes than that
 */
export function read(response: Response, max: number): Promise<string>;
/**
 * A status that says no, with the reasons the server gives: `application/problem+json` (RFC 9457), as Headwater does it,
 * else the first words of a text. Or another type than was expected.
 *
 * @param {Response} response
 * @param {string} expected
 */
export function refusal(response: Response, expected: string): Promise<HeadwaterError>;
import { HeadwaterError } from './errors.js';
