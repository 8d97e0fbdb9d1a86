// Publishing to a hub, with retries that are safe.

import { delay } from './lib/backoff.js';
import { environment } from './lib/environment.js';
import { HeadwaterError, known, mediaType } from './lib/errors.js';
import { read, refusal } from './lib/refusal.js';
import { hubUrl } from './lib/request.js';
import { keep } from './lib/token.js';

export { HeadwaterError };

/** The wait before the second attempt; it doubles from there. */
const RETRY = 200;
/** How often a publish is tried in all: some 3 s together. */
const ATTEMPTS = 5;
const ANSWER = 30_000;
/** A `Retry-After` beyond this is the caller's to wait for: a publish should not hang for minutes unseen. */
const MAX_RETRY_AFTER = 60_000;
/** An id is some 30 bytes; one that a publisher chose is bounded by the hub. */
const MAX_ID = 65_536;
const TEXT = 'text/plain';

/**
 * @typedef {object} Update
 * @property {string | string[]} topic the first is the canonical one; the others find it too
 * @property {unknown} [data] a text; anything else is sent as JSON
 * @property {boolean} [private] only for subscribers whose token grants one of the topics
 * @property {string} [id] an id of your own; else the hub gives it one, which says where it is in the stream
 * @property {string} [type] the event's type: what `addEventListener` listens for
 * @property {number} [retry] the reconnection time that its receivers take on, in milliseconds
 *
 * @typedef {object} PublishOptions
 * @property {import('./lib/token.js').TokenSource} [token] sent as `Authorization: Bearer`
 * @property {boolean} [withCredentials] send cookies to another origin, too
 * @property {string} [idempotencyKey] of your own, if a publish shall be safe to repeat across reloads, too; else a new one
 * @property {number} [attempts] how often it is tried in all: 5. 1 is never again
 * @property {AbortSignal} [signal]
 * @property {typeof fetch} [fetch] instead of the global one
 */

/**
 * Publishes an update, and returns its id.
 *
 * What is lost on the way is sent again with the same `Idempotency-Key`, so Headwater publishes it once, also if it was the
 * answer that was lost. (A hub that does not know the header may publish it twice; if that is worse than not at all, set
 * `attempts` to 1.)
 *
 * @param {string | URL} url the hub's; one without a path gets `/.well-known/mercure`
 * @param {Update & PublishOptions} update
 * @param {Pick<import('./lib/environment.js').Environment, 'fetch' | 'base' | 'now' | 'wall' | 'luck' | 'setTimer' | 'clearTimer'>}
 *   [outside] for tests
 * @returns {Promise<string>}
 * @throws {HeadwaterError} the last attempt's. Only the network, no answer, and the statuses 429 and beyond 500 are tried again
 */
export async function publish(url, update, outside = environment()) {
  const { attempts = ATTEMPTS, signal, fetch = outside.fetch } = update;
  const token = keep(update.token, outside);
  const address = hubUrl(new URL(url, outside.base)).href;
  const body = form(update);
  // A structured string, hence the quotes (draft-ietf-httpapi-idempotency-key-header, 2.1).
  const key = `"${(update.idempotencyKey ?? randomKey()).replace(/["\\]/g, '\\$&')}"`;
  let renewed = false;

  /** @param {AbortSignal} given */
  const attempt = async (given) => {
    const bearer = await token.get(given);
    given.throwIfAborted();
    const response = await fetch(address, {
      method: 'POST',
      body,
      headers: { 'Idempotency-Key': key, ...(bearer && { Authorization: `Bearer ${bearer}` }) },
      cache: 'no-store',
      credentials: update.withCredentials ? 'include' : 'same-origin',
      // A POST that is redirected becomes a GET, or goes where nobody meant it to.
      redirect: 'error',
      signal: given,
    });
    // Some page that answers a POST with 200 is not a hub, and its HTML is not an id.
    if (response.status !== 200 || mediaType(response) !== TEXT) throw await refusal(response, TEXT);
    return read(response, MAX_ID);
  };

  for (let failures = 0; ; ) {
    try {
      return await within(ANSWER, attempt, signal, outside);
    } catch (cause) {
      const error = known(cause);
      const { isRetryable, status, retryAfter = 0 } = error;
      if (status === 401 && !renewed && token.refuse()) {
        renewed = true;
        continue;
      }
      const wait = delay(RETRY, failures, retryAfter, outside.luck());
      failures += 1;
      // A 500 is the hub's own fault, and likely the same again.
      if (!isRetryable || status === 500 || failures >= attempts || retryAfter > MAX_RETRY_AFTER) throw error;
      // Nothing is what comes within the wait, unless it is aborted.
      await within(wait, () => new Promise(() => {}), signal, outside).catch(() => {});
    }
  }
}

/**
 * What the work comes to, in so many milliseconds. It is told of the end by the signal that it is given; a token function, or a
 * fetch of one's own, may not listen.
 *
 * @template T
 * @param {number} milliseconds
 * @param {(given: AbortSignal) => Promise<T>} work
 * @param {AbortSignal | undefined} signal
 * @param {Pick<import('./lib/environment.js').Environment, 'setTimer' | 'clearTimer'>} outside
 * @returns {Promise<T>}
 */
function within(milliseconds, work, signal, { setTimer, clearTimer }) {
  const given = new AbortController();
  return new Promise((resolve, reject) => {
    /** @param {unknown} [reason] */
    const end = (reason) => {
      // What is not read of the answer would hold its connection.
      given.abort();
      clearTimer(timer);
      reject(reason);
    };
    const timer = setTimer(() => end(new HeadwaterError('timeout', 'timed out')), milliseconds);
    const abort = () => end(new HeadwaterError('aborted', 'aborted', { cause: signal?.reason }));
    signal?.addEventListener('abort', abort, { signal: given.signal });
    if (signal?.aborted) abort();
    else work(given.signal).then(resolve).then(end, end);
  });
}

/** The form that every hub of the protocol takes. @param {Update} update */
function form({ topic, data = '', private: isPrivate, id, type, retry }) {
  const fields = new URLSearchParams();
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  for (const [name, value] of Object.entries({ topic, data: text, private: isPrivate ? 'on' : [], id, type, retry })) {
    for (const one of [value ?? []].flat()) fields.append(name, String(one));
  }
  return fields;
}

/** 128 random bits. `crypto.randomUUID` is not there on plain `http://`. */
const randomKey = () => crypto.getRandomValues(new Uint32Array(4)).join('-');
