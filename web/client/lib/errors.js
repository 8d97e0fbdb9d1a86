// What can go wrong, in the terms of what a caller does about it.

/**
 * - `network`: refused, reset, no such name, a bad certificate, or an origin that does not admit this page
 * - `timeout`: no answer came in time
 * - `silence`: the stream was open, and not a byte came for too long, not even a heartbeat
 * - `closed`: the server ended the stream
 * - `dismissed`: the server wants no more of us (204)
 * - `refused`: a status that says no
 * - `content-type`: something answered, but not with what was asked for
 * - `limit`: the stream went past a limit of the decoder
 * - `answer`: an answer that cannot be understood
 * - `token`: the application's own `token` function failed
 * - `aborted`: the application's own signal
 *
 * @typedef {'network' | 'timeout' | 'silence' | 'closed' | 'dismissed' | 'refused' | 'content-type' | 'limit' | 'answer'
 *   | 'token' | 'aborted'} ErrorKind
 */

/** Why a stream ended or is being reconnected, or why a publish failed. Its text never holds a token or a URL's query. */
export class HeadwaterError extends Error {
  /**
   * @param {ErrorKind} kind
   * @param {string} message
   * @param {{ status?: number, retryAfter?: number, cause?: unknown }} [more]
   */
  constructor(kind, message, { status, retryAfter, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HeadwaterError';
    /** What went wrong: for `switch`. */
    this.kind = kind;
    /** The status, when `refused`. */
    this.status = status;
    /** How long the server asks to wait, in milliseconds. */
    this.retryAfter = retryAfter;
  }

  /** Whether the same may succeed later. */
  get isRetryable() {
    return /^(network|timeout|silence|closed|token)$/.test(this.kind) || this.status === 429 || Number(this.status) >= 500;
  }
}

/** As much of a refusal's body as is read: a problem is a few hundred bytes. */
const MAX_REFUSAL = 16_384;
/** As much of a body that is no problem as is shown: the first words of a proxy's page. */
const MAX_TEXT = 200;

/** @param {Response} response the media type without parameters, in lower case */
export const mediaType = (response) =>
  (response.headers.get('Content-Type') ?? '').split(';')[0].trim().toLowerCase();

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

/**
 * @param {Response} response
 * @param {string} expected
 */
export const wrongType = (response, expected) => new HeadwaterError('content-type',
  `the answer is ${mediaType(response) || 'of no type'}, not ${expected}: is this the right URL?`);
