// When to connect, how long to listen, how long to wait, when to give up: the whole of it, without any I/O. What happened and
// the time go in; what to do comes out. `connect` and `error` end what was under way before.

import { delay } from './backoff.js';

/** A stream that has been open for so long counts as one that works, also if no event came. */
const SETTLED = 5_000;
/** A hub sends the first byte at once: a proxy that has none after so long may be holding it back. */
const FIRST_BYTE = 3_000;
/** For so long a silent stream is spared while polls are tried. */
const GRACE = 15_000;

/**
 * @typedef {object} Policy
 * @property {boolean} [strict] as a browser's `EventSource`: any status but 200 and 204 is final
 * @property {boolean} repeat a request may be sent again
 * @property {boolean} fallback polls may do where streams do not: doubt streams, and be open with the first byte only
 * @property {number} answer how long to wait for the answer
 * @property {number} retry the reconnection time until the server gives one
 *
 * @typedef {'wake' | 'sleep' | 'nudge' | 'change' | 'end' | 'head' | 'heard' | 'failed' | 'elapsed'} Happening
 *
 * What to do: send the request; end it; tell that it is open; doubt that streams get through; report as `failed` that the
 * patience with the answer, or with a silent stream, is over; tell of the failure, and that it is tried again, or not.
 * @typedef {'connect' | 'cut' | 'open' | 'doubt' | 'timeout' | 'silence' | 'error' | 'fail'} Effect
 *
 * @typedef {object} Given what belongs to a happening
 * @property {import('./errors.js').HeadwaterError} [error] failed
 * @property {boolean} [renew] failed: by its token, and another one can be had
 * @property {number} [luck] failed: from 0 to 1, spreads those who failed together
 * @property {number} [silence] head, heard: how long the stream may be silent
 */

export class State {
  /** @type {'idle' | 'connecting' | 'open' | 'waiting' | 'ended'} */
  phase = 'idle';
  /** Streams in a row that the watch for silence ended. */
  silences = 0;
  /** The answer is there, if not a byte of its body. */
  headed = false;
  /** Nothing has come since `doubt`. */
  doubted = false;
  /** An event has come on this stream. */
  delivered = false;
  /** When the token wants to be renewed. */
  renewAt = Infinity;
  /** The last byte; Infinity: nothing is expected, since nothing is read. */
  heardAt = 0;
  /** The reconnection time. */
  retry;
  #policy;
  #sent = false;
  #silence = Infinity;
  /** Since the last stream that worked. */
  #failures = 0;
  /** A 401 has been answered with a fresh token, and nothing has opened since. */
  #renewed = false;
  /** When the phase began. */
  #since = 0;
  /** When waiting: until when, and until when at least, because the server said so. */
  #until = 0;
  #notBefore = 0;

  /** @param {Policy} policy */
  constructor(policy) {
    this.#policy = policy;
    this.retry = policy.retry;
  }

  /**
   * @param {Happening} what
   * @param {number} now
   * @param {Given} [given]
   * @returns {Effect | undefined}
   */
  on(what, now, given = {}) {
    const isOpen = this.phase === 'open';
    const isConnecting = this.phase === 'connecting';
    const isWaiting = this.phase === 'waiting';
    if (this.phase === 'ended') return undefined;
    this.#silence = given.silence ?? this.#silence;
    switch (what) {
      case 'wake':
        if (this.phase !== 'idle') break;
        // Unless it may be sent.
        this.phase = 'ended';
        return this.#connect(now) ?? 'fail';
      case 'change':
        // The next attempt asks for it anyway.
        if (!isWaiting) return this.#connect(now);
        break;
      case 'sleep':
      case 'end':
        this.phase = what === 'end' ? 'ended' : 'idle';
        this.doubted = false;
        return 'cut';
      case 'nudge':
        // The network is back, or the page is looked at.
        if (isWaiting) this.#until = this.#notBefore;
        // Half the patience is at least a heartbeat that did not come.
        else if (isOpen && now >= this.heardAt + this.#silence / 2) return this.#connect(now);
        return this.on('elapsed', now);
      case 'head':
        this.headed = true;
        if (this.#policy.fallback) break;
      // Else it is as good as the first byte.
      // falls through
      case 'heard':
        this.heardAt = now;
        this.doubted = false;
        if (!isConnecting) break;
        this.phase = 'open';
        this.#since = now;
        this.#renewed = false;
        return 'open';
      case 'failed':
        return this.#failed(given, now);
      case 'elapsed':
        if (now < this.until) break;
        if (isWaiting || now >= this.renewAt) return this.#connect(now);
        if (isConnecting && now >= this.#since + this.#policy.answer) return 'timeout';
        if (this.#policy.fallback && !this.doubted && (isConnecting || this.silences > 0)) {
          this.doubted = true;
          if (isOpen) this.heardAt += GRACE;
          return 'doubt';
        }
        this.silences += 1;
        return 'silence';
      default:
    }
    return undefined;
  }

  /** When `elapsed` is due. */
  get until() {
    switch (this.phase) {
      case 'waiting':
        return this.#until;
      case 'connecting':
        return this.#since + (this.#policy.fallback && !this.doubted ? FIRST_BYTE : this.#policy.answer);
      case 'open':
        // While nothing is read, no fresh token is asked for: each new connection would bring another read to hold.
        return Math.min(this.heardAt + this.#silence, Math.max(this.heardAt, this.renewAt));
      default:
        return Infinity;
    }
  }

  /** What may not be repeated goes on as it is. @param {number} now @returns {Effect | undefined} */
  #connect(now) {
    this.renewAt = Infinity;
    if (this.#sent && !this.#policy.repeat) return undefined;
    this.#sent = true;
    this.phase = 'connecting';
    this.#since = now;
    this.delivered = false;
    this.doubted = false;
    this.headed = false;
    return 'connect';
  }

  /** @param {Given} given @param {number} now @returns {Effect | undefined} */
  #failed({ error, renew, luck = 0 }, now) {
    const { isRetryable, status, retryAfter = 0 } = /** @type {import('./errors.js').HeadwaterError} */ (error);
    const { strict, repeat } = this.#policy;
    if (renew && !this.#renewed) {
      this.#renewed = true;
      // What was refused has done nothing.
      this.#sent = false;
      return this.#connect(now);
    }
    if (!repeat || !isRetryable || (strict && status)) {
      this.phase = 'ended';
      return 'fail';
    }
    if (this.phase === 'open') {
      if (this.delivered || now >= this.#since + SETTLED) this.#failures = 0;
      if (now < this.heardAt + this.#silence) this.silences = 0;
    }
    this.#until = now + delay(this.retry, this.#failures, retryAfter, luck);
    this.#notBefore = now + retryAfter;
    this.#failures += 1;
    this.phase = 'waiting';
    return 'error';
  }
}
