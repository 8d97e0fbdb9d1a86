// When to connect, how long to listen, how long to wait, when to poll instead, when to give up: the whole of it, without
// any I/O. What happened and the time go in; what to do comes out, in this order:
//
//   connect   send the request for a stream (in place of an earlier one)      cut      end the stream, if there is one
//   poll      send a long poll (in place of an earlier one)                   unpoll   end the poll, if there is one
//   probe     send a long poll that is answered at once, and keep the answer  adopt    deliver that answer
//   open      tell that it is open      error   tell the failure, and that it is tried again      fail   tell it, and end
//   timeout, silence                    the patience with the answer, or with a silent stream, is over: report `failed`

import { delay, LONGEST } from './backoff.js';

/** A stream that has been open for so long counts as one that works, also if no event came. */
const SETTLED = 5_000;
/** A hub sends the first byte at once: a proxy that has none after so long may be holding it back. */
const FIRST_BYTE = 3_000;
/** When a poll was answered, the stream may have been about to come, too. */
const SECOND_LOOK = 1_000;
/** A probe is answered at once, or the fault is not the proxy's. */
const PROBE = 10_000;
/** While polling, a stream is tried beside it after so long: whoever carries the phone may have left that network. */
const TRIAL = 300_000;
/** How long a hub may keep a poll waiting, in seconds: below the idle timeout of the common proxies. */
export const POLL_SECONDS = 25;
/** Polls that are answered at once with nothing (by a cache, by something that is no hub) must not become a busy loop. */
const POLL_PAUSE = 1_000;

/**
 * @typedef {object} Policy
 * @property {boolean} strict as a browser's `EventSource`: any status but 200 and 204 is final
 * @property {boolean} repeat a request may be sent again
 * @property {boolean} fallback there may be a long poll to fall back to; then `open` waits for the first byte
 * @property {number} answer how long to wait for the answer
 * @property {number} silence how long an open stream may be silent
 * @property {number} retry the reconnection time until the server gives one
 *
 * @typedef {'start' | 'wake' | 'sleep' | 'nudge' | 'change' | 'head' | 'heard' | 'delivered' | 'retry' | 'pause' | 'resume'
 *   | 'token' | 'answered' | 'polled' | 'failed' | 'elapsed' | 'end'} Happening
 * @typedef {'connect' | 'cut' | 'poll' | 'unpoll' | 'probe' | 'adopt' | 'open' | 'error' | 'fail' | 'timeout' | 'silence'}
 *   Effect
 * @typedef {object} Given what belongs to a happening
 * @property {'stream' | 'poll'} [from] failed: which of the two
 * @property {'cut' | 'status' | 'lasting'} [failure] failed: the network, a status, or what would be the same again
 * @property {number} [status] failed
 * @property {number} [retryAfter] failed, in milliseconds
 * @property {boolean} [renew] failed: a fresh token can be had
 * @property {number} [luck] failed: from 0 to 1, spreads those who failed together
 * @property {number} [silence] head: how long the server says that silence may last
 * @property {number} [retry] retry
 * @property {number} [renewIn] token: when it wants another one
 * @property {boolean} [empty] polled: there was nothing
 */

export class State {
  /** @type {'idle' | 'connecting' | 'open' | 'waiting' | 'ended'} */
  phase = 'idle';
  polling = false;
  #policy;
  #retry;
  #silence;
  /** Since the last stream that worked. */
  #failures = 0;
  /** Streams in a row that the watch for silence ended. */
  #silences = 0;
  /** A 401 has been answered with a fresh token, and nothing has opened since. */
  #renewed = false;
  #renewAt = Infinity;

  // Times. The one of the phase's beginning is, when polling, that of the poll.
  #since = 0;
  #heard = 0;
  /** When waiting: for how long, and how long at least, because the server said so. */
  #until = 0;
  #notBefore = 0;
  #delivered = false;
  #paused = false;
  #head = false;

  /** @type {'no' | 'sent' | 'answered' | 'failed' | 'refused'} */
  #probe = 'no';
  #probeAt = 0;
  #trying = false;
  #trialAt = 0;
  #trialDelay = TRIAL;
  /** When the next poll is due, after a pause. */
  #pollAt = Infinity;

  /** @param {Policy} policy */
  constructor(policy) {
    this.#policy = policy;
    this.#retry = policy.retry;
    this.#silence = policy.silence;
  }

  /**
   * @param {Happening} what
   * @param {number} now
   * @param {Given} [given]
   * @returns {Effect[]}
   */
  on(what, now, given = {}) {
    if (this.phase === 'ended') return [];
    const busy = this.phase === 'connecting' || this.phase === 'open';
    switch (what) {
      case 'start':
      case 'wake':
        return this.phase === 'idle' ? this.#begin(now) : this.on('nudge', now);
      case 'sleep':
        this.phase = 'idle';
        return ['cut', 'unpoll'];
      case 'nudge':
        return this.#nudge(now);
      case 'change':
        return busy ? ['cut', 'unpoll', ...this.#begin(now)] : [];
      case 'end':
        this.phase = 'ended';
        return ['cut', 'unpoll'];
      case 'head':
        this.#silence = given.silence ?? this.#policy.silence;
        this.#head = true;
        return this.#policy.fallback || this.phase !== 'connecting' ? [] : this.#opened(now);
      case 'heard':
        return this.#heardNow(now);
      case 'delivered':
        this.#delivered = true;
        return [];
      case 'retry':
        this.#retry = given.retry ?? this.#retry;
        return [];
      case 'pause':
      case 'resume':
        // Who does not read cannot hear.
        this.#paused = what === 'pause';
        this.#heard = now;
        return [];
      case 'token':
        this.#renewAt = now + (given.renewIn ?? Infinity);
        return [];
      case 'answered':
        return this.#answered(now);
      case 'polled':
        if (!this.polling || !busy) return [];
        if (!given.empty || now >= this.#since + POLL_PAUSE) return this.#poll(now);
        this.#pollAt = now + POLL_PAUSE;
        return [];
      case 'failed':
        return this.polling === (given.from === 'poll') ? this.#failed(given, now) : this.#failedBeside(given, now);
      case 'elapsed':
        return this.#elapsed(now);
      default:
        return [];
    }
  }

  /** When `elapsed` is due. */
  get until() {
    if (this.phase === 'waiting') return this.#until;
    if (this.phase === 'idle' || this.phase === 'ended') return Infinity;
    if (this.polling) {
      const answer = this.#since + POLL_SECONDS * 1_000 + this.#policy.answer;
      return Math.min(this.#paused ? Infinity : answer, this.#pollAt, this.#trialAt);
    }
    const limit = this.phase === 'open' ? (this.#paused ? Infinity : this.#heard + this.#silence)
      : this.#since + this.#policy.answer;
    return Math.min(this.#renewAt, this.#probe === 'sent' || this.#probe === 'answered' ? this.#probeAt
      : this.#doubtful ? Math.min(limit, this.#since + FIRST_BYTE) : limit);
  }

  /** No byte has come yet, and whether polls fare better has not been asked. */
  get #doubtful() {
    return this.#policy.fallback && this.phase === 'connecting' && this.#probe === 'no';
  }

  /** @param {number} now @returns {Effect[]} */
  #begin(now) {
    this.phase = 'connecting';
    this.#renewAt = Infinity;
    this.#delivered = false;
    this.#trying = false;
    if (this.polling) return this.#poll(now);
    this.#since = now;
    this.#head = false;
    if (this.#probe !== 'refused') this.#probe = 'no';
    return ['connect'];
  }

  /** @param {number} now @returns {Effect[]} */
  #poll(now) {
    this.#since = now;
    this.#pollAt = Infinity;
    return ['poll'];
  }

  /** The network is back, or the page is looked at again. @param {number} now @returns {Effect[]} */
  #nudge(now) {
    if (this.phase === 'waiting') {
      this.#until = Math.min(this.#until, Math.max(now, this.#notBefore));
      return this.#elapsed(now);
    }
    // Half the patience is at least a heartbeat that did not come.
    const stale = this.polling ? now >= this.#since + SETTLED : now >= this.#heard + this.#silence / 2;
    return this.phase === 'open' && stale && !this.#paused ? ['cut', 'unpoll', ...this.#begin(now)] : [];
  }

  /** @param {number} now @returns {Effect[]} */
  #opened(now) {
    this.phase = 'open';
    this.#since = now;
    this.#heard = now;
    this.#renewed = false;
    return [...this.#undoubt(), 'open'];
  }

  /** @returns {Effect[]} */
  #undoubt() {
    if (this.#probe !== 'sent' && this.#probe !== 'answered') return [];
    this.#probe = 'no';
    return ['unpoll'];
  }

  /** @param {number} now @returns {Effect[]} */
  #heardNow(now) {
    this.#heard = now;
    if (this.polling) {
      if (!this.#trying) return [];
      // The stream that was tried beside the polls works: what both bring is told apart by its cursor.
      const open = this.phase === 'open';
      this.polling = false;
      this.#trying = false;
      // One silence more, and it was a mistake.
      this.#silences = 1;
      this.#probe = 'no';
      const effects = this.#opened(now);
      return ['unpoll', ...effects.filter((effect) => effect !== 'open' || !open)];
    }
    if (this.phase === 'connecting') return this.#opened(now);
    if (now >= this.#since + TRIAL) this.#trialDelay = TRIAL;
    return this.#undoubt();
  }

  /** @param {number} now @returns {Effect[]} */
  #answered(now) {
    if (this.polling) {
      this.#failures = 0;
      this.#renewed = false;
      if (this.phase === 'open') return [];
      this.phase = 'open';
      return ['open'];
    }
    this.#probe = 'answered';
    this.#probeAt = now + SECOND_LOOK;
    return [];
  }

  /** Polls are answered and the stream is not: something on the way swallows it. @param {number} now @returns {Effect[]} */
  #turnToPolls(now) {
    const open = this.phase === 'open';
    this.polling = true;
    this.phase = 'open';
    this.#probe = 'no';
    this.#silences = 0;
    this.#failures = 0;
    this.#since = now;
    this.#trialLater(now);
    return open ? ['cut', 'adopt'] : ['cut', 'open', 'adopt'];
  }

  /** @param {number} now */
  #trialLater(now) {
    this.#trying = false;
    this.#trialAt = now + this.#trialDelay;
    this.#trialDelay = Math.min(this.#trialDelay * 2, LONGEST);
  }

  /** @param {number} now @returns {Effect[]} */
  #elapsed(now) {
    if (now < this.until) return [];
    if (this.phase === 'waiting') return this.#begin(now);
    if (this.polling) {
      if (now >= this.#trialAt) {
        if (this.#trying) {
          this.#trialLater(now);
          return ['cut'];
        }
        this.#trying = true;
        this.#trialAt = now + FIRST_BYTE;
        return ['connect'];
      }
      return now >= this.#pollAt ? this.#poll(now) : ['timeout'];
    }
    if (now >= this.#renewAt) return ['cut', 'unpoll', ...this.#begin(now)];
    if (this.#probe === 'answered') return this.#turnToPolls(now);
    if (this.#probe === 'sent') return ['unpoll', ...this.#failedBeside({ failure: 'cut' }, now)];
    if (this.phase === 'open') {
      if (this.#policy.fallback && this.#silences > 0 && this.#probe === 'no') return this.#ask(now);
      this.#silences += 1;
      return ['silence'];
    }
    return now >= this.#since + this.#policy.answer ? ['timeout'] : this.#ask(now);
  }

  /** @param {number} now @returns {Effect[]} */
  #ask(now) {
    this.#probe = 'sent';
    this.#probeAt = now + PROBE;
    return ['probe'];
  }

  /** The probe failed, or the stream that is tried beside the polls. @param {Given} given @param {number} now @returns {Effect[]} */
  #failedBeside({ failure }, now) {
    if (this.polling) {
      if (this.#trying) this.#trialLater(now);
      return ['cut'];
    }
    // What has no polls will not have them later; what could not be reached may be, with the next stream.
    this.#probe = failure === 'lasting' ? 'refused' : 'failed';
    if (this.phase === 'open') {
      this.#silences += 1;
      return ['silence'];
    }
    return this.#head ? this.#opened(now) : [];
  }

  /** @param {Given} given @param {number} now @returns {Effect[]} */
  #failed({ failure, status = 0, retryAfter = 0, renew = false, luck = 0 }, now) {
    if (status === 401 && renew && !this.#renewed) {
      this.#renewed = true;
      return ['cut', 'unpoll', ...this.#begin(now)];
    }
    const temporary = failure === 'cut' || (failure === 'status' && !this.#policy.strict && (status === 429 || status >= 500));
    if (!temporary || !this.#policy.repeat) {
      this.phase = 'ended';
      return ['cut', 'unpoll', 'fail'];
    }
    if (this.phase === 'open' && (this.#delivered || now >= this.#since + SETTLED)) this.#failures = 0;
    this.#until = now + delay(this.#retry, this.#failures, retryAfter, luck);
    this.#notBefore = now + Math.min(retryAfter, LONGEST);
    this.#failures += 1;
    this.phase = 'waiting';
    return ['cut', 'unpoll', 'error'];
  }
}
