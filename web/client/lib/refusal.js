// An answer's text: what a server says when it refuses. Loaded when one does.

import { HeadwaterError, mediaType } from './errors.js';

/** As much of a refusal's body as is read: a problem is a few hundred bytes. */
const MAX_REFUSAL = 16_384;
/** As much of a body that is no problem as is shown: the first words of a proxy's page. */
const MAX_TEXT = 200;

/**
 * The body's text, up to so many bytes; then the rest is refused.
 *
 * @param {Response} response
 * @param {number} max
 * @returns {Promise<{ text: string, whole: boolean }>}
 */
export async function read(response, max) {
  const reader = response.body?.getReader();
  const utf8 = new TextDecoder();
  let text = '';
  for (let size = 0; reader; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > max) {
      reader.cancel().catch(() => {});
      return { text, whole: false };
    }
    text += utf8.decode(value, { stream: true });
  }
  return { text: text + utf8.decode(), whole: true };
}

/**
 * A status that says no, with the reasons the server gives: `application/problem+json` (RFC 9457), as Headwater does it,
 * else the first words of a text.
 *
 * @param {Response} response
 */
export async function refusal(response) {
  const { status } = response;
  const type = mediaType(response);
  const { text } = await read(response, MAX_REFUSAL).catch(() => ({ text: '' }));
  let [title, detail] = [response.statusText, ''];
  try {
    const problem = JSON.parse(text);
    if (typeof problem.title === 'string') title = problem.title;
    if (typeof problem.detail === 'string') detail = problem.detail;
  } catch {
    if (type === 'text/plain') detail = text.trim().split('\n')[0].slice(0, MAX_TEXT);
  }
  const words = [`${status} ${title}`.trim(), detail].filter((part) => part !== '' && part !== title);
  // Without control characters: it may be printed on a terminal.
  const message = words.join(': ').replace(/[\0-\x1f\x7f-\x9f]/g, ' ');
  return new HeadwaterError('refused', message, { status, retryAfter: retryAfter(response.headers, Date.now()) });
}

/**
 * The `Retry-After` header (RFC 9110, 10.2.3), in milliseconds: seconds, or a date.
 *
 * @param {Headers} headers
 * @param {number} wall
 */
export function retryAfter(headers, wall) {
  const value = (headers.get('Retry-After') ?? '').trim();
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  // Only a date as HTTP writes it: `Date.parse` takes "-1" for a year.
  const then = /^[A-Z][a-z]{2}, .* GMT$/.test(value) ? Date.parse(value) : NaN;
  // The server's own clock, where it tells it: ours may be wrong by hours.
  const now = Date.parse(headers.get('Date') ?? '');
  return Number.isNaN(then) ? undefined : Math.max(0, then - (Number.isNaN(now) ? wall : now));
}
