/**
 * The body's text, up to so many bytes; then the rest is refused.
 *
 * @param {Response} response
 * @param {number} max
 * @returns {Promise<{ text: string, whole: boolean }>}
 */
export function read(response: Response, max: number): Promise<{
    text: string;
    whole: boolean;
}>;
/**
 * A status that says no, with the reasons the server gives: `application/problem+json` (RFC 9457), as Headwater does it,
 * else the first words of a text.
 *
 * @param {Response} response
 */
export function refusal(response: Response): Promise<HeadwaterError>;
/**
 * The `Retry-After` header (RFC 9110, 10.2.3), in milliseconds: seconds, or a date.
 *
 * @param {Headers} headers
 * @param {number} wall
 */
export function retryAfter(headers: Headers, wall: number): number | undefined;
import { HeadwaterError } from './errors.js';
