// Long polls, for networks where something swallows streams. Loaded when a stream is doubted.

import { HeadwaterError, known } from './errors.js';
import { GapEvent } from './events.js';
import { read } from './refusal.js';

/** When a poll was answered, the stream may have been about to come, too. */
const SECOND_LOOK = 1_000;
/** A poll that asks for what there is, is answered at once, or the fault is not the proxy's. */
const PROBE = 10_000;
/** How long a hub may keep a poll waiting, in seconds: below the idle timeout of the common proxies. */
const WAIT = 25;
/** And how long, in milliseconds, before it is taken for dead. */
const SILENCE = 60_000;
/** Polls that are answered at once with nothing (by a cache, by something that is no hub) must not become a busy loop. */
const PAUSE = 1_000;
/** While polling, a stream is tried beside it: whoever carries the phone may have left that network. */
const TRIAL = 300_000;
const LONGEST_TRIAL = 3_600_000;
/** Within this its first byte must come. */
const FIRST_BYTE = 3_000;
/** A page of the hub is some hundred updates; each may be as large as a publish. */
const MAX_ANSWER = 64 << 20;

/**
 * @typedef {object} Answer
 * @property {string} lastEventID looked up to here: what the next poll sends
 * @property {boolean} more the page was full
 * @property {{ from?: string | null, to?: string | null } | null} [gap]
 * @property {(import('../decoder.js').DecodedEvent & { retry?: number })[]} updates
 */

export class Fallback {
  #connection;
  /** @type {unknown} */
  #timer;
  #delay = TRIAL;
  #backAt = 0;

  /** @param {import('./connection.js').Connection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /** No first byte, or one silence too many: asks whether polls fare better. */
  async doubt() {
    const connection = this.#connection;
    const line = this.#fork();
    this.#after(PROBE, () => line.abort());
    try {
      await this.#ask(line, 0);
    } catch (error) {
      if (!this.#isInDoubt(line) || known(error).isRetryable) return;
      line.abort();
      // Who has no polls will not have them later, and may send no first byte either.
      connection.settings.fallback = false;
      if (connection.state.headed) connection.tell('heard');
      return;
    }
    this.#after(SECOND_LOOK, () => {
      if (!this.#isInDoubt(line)) return;
      this.#turn(true);
      connection.tell('change');
    });
  }

  /** The stream has not come after all. @param {AbortController} line */
  #isInDoubt = ({ signal }) => !signal.aborted && this.#connection.state.doubted;

  /** A line beside the main one, in place of an earlier one. */
  #fork() {
    this.#connection.beside.abort();
    return (this.#connection.beside = new AbortController());
  }

  /** @param {boolean} polling */
  #turn(polling) {
    this.#connection.polling = polling;
    this.#connection.settings.fallback = !polling;
  }

  /** @param {number} delay @param {() => void} run */
  #after(delay, run) {
    this.rest();
    this.#timer = this.#connection.outside.setTimer(() => {
      this.#timer = null;
      run();
    }, delay);
  }

  /** Nothing is to be tried for now. */
  rest() {
    this.#connection.outside.clearTimer(this.#timer);
    this.#timer = null;
  }

  #tryLater() {
    this.#after(this.#delay, () => this.#try());
    this.#delay = Math.min(this.#delay * 2, LONGEST_TRIAL);
  }

  #try() {
    const line = this.#fork();
    this.#after(FIRST_BYTE, () => {
      line.abort();
      this.#tryLater();
    });
    this.#connection.guard(line, this.#connection.stream(line, () => this.#back(line)));
  }

  /** A stream works where polls stood in. What both have brought is told apart by its cursor. @param {AbortController} line */
  #back(line) {
    const { state, outside, main } = this.#connection;
    main.abort();
    this.#connection.main = line;
    this.#connection.beside = new AbortController();
    this.#turn(false);
    this.rest();
    this.#backAt = outside.now();
    // One silence more, and it was a mistake.
    state.silences = 1;
    // The polls may have been failing just now.
    if (state.phase !== 'open') state.phase = 'connecting';
  }

  /** Polls until it fails. @param {AbortController} line */
  async poll(line) {
    const connection = this.#connection;
    const { receiver, settings, outside } = connection;
    let isCaughtUp = false;
    if (!this.#timer) {
      // The last stream lasted: this is another network.
      if (outside.now() > this.#backAt + TRIAL) this.#delay = TRIAL;
      this.#tryLater();
    }
    for (let wait = 0; ; wait = WAIT) {
      const since = outside.now();
      const { gap, updates, more, lastEventID } = await this.#ask(line, wait);
      if (line.signal.aborted) return;
      connection.tell('head', { silence: SILENCE });
      connection.tell('heard');
      if (gap) receiver.emit(new GapEvent(gap));
      for (const update of updates) {
        if (line.signal.aborted) return;
        connection.state.retry = update.retry ?? connection.state.retry;
        if (connection.admit(update)) receiver.take(update, settings.url.origin);
        connection.state.delivered = true;
      }
      if (line.signal.aborted) return;
      connection.move(lastEventID);
      if (!more && !isCaughtUp) receiver.emit(new Event('caughtup'));
      isCaughtUp ||= !more;
      await connection.passed(line.signal);
      if (wait > 0 && updates.length === 0 && outside.now() < since + PAUSE) {
        await new Promise((resolve) => outside.setTimer(() => resolve(0), PAUSE));
      }
      if (line.signal.aborted) return;
    }
  }

  /**
   * @param {AbortController} line
   * @param {number} wait in seconds
   * @returns {Promise<Answer>}
   */
  async #ask(line, wait) {
    const text = await read(await this.#connection.send(line, 'application/json', wait), MAX_ANSWER);
    let answer;
    try {
      answer = JSON.parse(text);
    } catch (cause) {
      // Browsers take an answer that broke off within its head for a whole one.
      throw new HeadwaterError('network', 'the answer broke off', { cause });
    }
    try {
      if (typeof answer.lastEventID !== 'string') throw new TypeError('no lastEventID');
      return { ...answer, updates: answer.updates.map(decoded) };
    } catch (cause) {
      throw new HeadwaterError('answer', 'the answer is not that of a long poll', { cause });
    }
  }
}

/** @param {any} update */
function decoded({ id = '', type, topics = [], selectors = [], ...update }) {
  if (typeof update.data !== 'string') throw new TypeError('an update without data');
  return { ...update, type: type || 'message', lastEventId: id, topics, selectors };
}
