// An answer that is not what was asked for: what a server says when it refuses. Loaded when one does.

import { LONGEST } from './backoff.js';
import { HeadwaterError, mediaType } from './errors.js';

/** As much of a refusal's body as is read: a problem is a few hundred bytes. */
const MAX_REFUSAL = 16_384;
/** As much of a body that is no problem as is shown: the first words of a proxy's page. */
const MAX_TEXT = 200;

/**
 * The body's text.
 *
 * @param {Response} response
 * @param {number} max
 * @throws {HeadwaterError} it has more bytes than that
 */
export async function read(response, max) {
  const reader = response.body?.getReader();
  const utf8 = new TextDecoder();
  let text = '';
  for (let size = 0; ; ) {
    const { value } = (await reader?.read()) ?? {};
    if (!value) return text + utf8.decode();
    size += value.length;
    if (size > max) {
      throw new HeadwaterError('limit', `more than ${max} bytes in one answer`);
    }
    text += utf8.decode(value, { stream: true });
  }
}

/**
 * A status that says no, with the reasons the server gives: `application/problem+json` (RFC 9457), as Headwater does it,
 * else the first words of a text. Or another type than was expected.
 *
 * @param {Response} response
 * @param {string} expected
 */
export async function refusal(response, expected) {
  const { status, headers } = response;
  const type = mediaType(response);
  if (status === 200) {
    return new HeadwaterError('content-type', `the answer is ${type || 'of no type'}, not ${expected}`);
  }
  if (status === 204) return new HeadwaterError('dismissed', 'no more (204)');
  const text = await read(response, MAX_REFUSAL).catch(() => '');
  let problem;
  try {
    problem = JSON.parse(text);
  } catch {
    if (type === 'text/plain') problem = { detail: text.trim().split('\n')[0].slice(0, MAX_TEXT) };
  }
  const reasons = [problem?.title, problem?.detail].filter((part) => part && typeof part === 'string');
  // Without control characters: it may be printed on a terminal.
  const message = `${status} ${reasons.join(': ') || response.statusText}`.replace(/[\0-\x1f\x7f-\x9f]/g, ' ');
  return new HeadwaterError('refused', message, { status, retryAfter: retryAfter(headers) });
}

/**
 * The `Retry-After` header (RFC 9110, 10.2.3), in milliseconds, as far as we do as it says: seconds, or a date.
 *
 * @param {Headers} headers
 */
function retryAfter(headers) {
  const value = headers.get('Retry-After') ?? '';
  // The server's own clock, where it tells it: ours may be wrong by hours.
  const now = Date.parse(headers.get('Date') ?? '') || Date.now();
  // Only a date as HTTP writes it: `Date.parse` takes "-1" for a year.
  const wait = /^[A-Z].* GMT$/.test(value) ? Date.parse(value) - now : /^\d+$/.test(value) ? Number(value) * 1_000 : 0;
  return wait > 0 ? Math.min(wait, LONGEST) : undefined;
}
