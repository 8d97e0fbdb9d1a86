// Long polls, for networks where something swallows streams. Loaded when a stream is doubted.

import { HeadwaterError, mediaType, wrongType } from './errors.js';
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
const JSON_TYPE = 'application/json';

/**
 * @typedef {object} Answer
 * @property {string} lastEventID looked up to here: what the next poll sends
 * @property {boolean} more the page was full
 * @property {{ from?: unknown, to?: unknown } | null} [gap]
 * @property {(import('../decoder.js').DecodedEvent & { retry?: number })[]} updates
 */

export class Fallback {
  #connection;
  /** @type {unknown} */
  #timer;
  #delay = TRIAL;
  #backAt = 0;
  #may;

  /** @param {import('./connection.js').Connection} connection */
  constructor(connection) {
    this.#connection = connection;
    this.#may = connection.settings.policy;
  }

  /** No first byte, or one silence too many: asks whether polls fare better. */
  async doubt() {
    const connection = this.#connection;
    const line = connection.beside(true);
    this.#after(PROBE, () => line.abort());
    try {
      await answerOf(await connection.send(line, 0));
    } catch (error) {
      if (!connection.isLive(line) || line.signal.aborted || connection.known(error).isRetryable) return;
      connection.beside();
      // Who has no polls will not have them later, and may send no first byte either.
      this.#may.fallback = false;
      if (connection.state.headed) connection.tell('heard');
      return;
    }
    this.#after(SECOND_LOOK, () => {
      if (!connection.isLive(line)) return;
      this.#turn(true);
      connection.tell('change');
    });
  }

  /** @param {boolean} polling */
  #turn(polling) {
    this.#connection.polling = polling;
    this.#may.fallback = !polling;
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
    const connection = this.#connection;
    const line = connection.beside(true);
    this.#after(FIRST_BYTE, () => {
      connection.beside();
      this.#tryLater();
    });
    connection.guard(line, connection.stream(line));
  }

  /** The stream works again. */
  back() {
    const { state } = this.#connection;
    this.#turn(false);
    this.rest();
    this.#backAt = this.#connection.outside.now();
    // One silence more, and it was a mistake.
    state.silences = 1;
    // The polls may have been failing just now.
    if (state.phase !== 'open') state.phase = 'connecting';
  }

  /** @param {AbortController} line @param {Answer} answer */
  #deliver(line, { gap, updates, lastEventID }) {
    const connection = this.#connection;
    if (gap) connection.receiver.emit(new GapEvent(gap));
    for (const update of updates) {
      if (!connection.isLive(line)) return;
      if (update.retry !== undefined) connection.tell('retry', { retry: update.retry });
      connection.lastEventId = update.lastEventId;
      if (connection.admit(update)) connection.receiver.take(update, connection.settings.url.origin);
    }
    if (lastEventID) connection.move(lastEventID);
  }

  /** Polls until it fails. @param {AbortController} line */
  async poll(line) {
    const connection = this.#connection;
    const { now } = connection.outside;
    let caughtUp = false;
    if (!this.#timer) {
      // The last stream lasted: this is another network.
      if (now() > this.#backAt + TRIAL) this.#delay = TRIAL;
      this.#tryLater();
    }
    for (let wait = 0; ; wait = WAIT) {
      const since = now();
      const answer = await answerOf(await connection.send(line, wait));
      if (!connection.isLive(line)) return;
      connection.tell('head', { silence: SILENCE });
      connection.tell('heard');
      this.#deliver(line, answer);
      if (!connection.isLive(line)) return;
      if (!answer.more && !caughtUp) {
        caughtUp = true;
        connection.receiver.emit(new Event('caughtup'));
      }
      await connection.passed();
      if (wait > 0 && answer.updates.length === 0 && now() < since + PAUSE) {
        await new Promise((resolve) => connection.outside.setTimer(() => resolve(0), PAUSE));
      }
      if (!connection.isLive(line)) return;
    }
  }
}

/**
 * @param {Response} response a 200
 * @returns {Promise<Answer>}
 */
async function answerOf(response) {
  // Who has no long polls streams whatever is accepted, and must not be waited for.
  if (mediaType(response) !== JSON_TYPE) throw wrongType(response, JSON_TYPE);
  const { text, whole } = await read(response, MAX_ANSWER);
  if (!whole) throw new HeadwaterError('limit', `the answer has more than ${MAX_ANSWER} bytes`);
  try {
    const answer = JSON.parse(text);
    if (typeof answer.lastEventID !== 'string') throw new TypeError('no lastEventID');
    return { ...answer, updates: answer.updates.map(event) };
  } catch (cause) {
    throw new HeadwaterError('answer', 'the answer is not that of a long poll', { cause });
  }
}

/** @param {any} update */
function event({ id, cursor, type, retry, data, topics, selectors }) {
  if (typeof data !== 'string') throw new TypeError('an update without data');
  return { type: type || 'message', data, lastEventId: id ?? '', cursor, topics: topics ?? [], selectors: selectors ?? [], retry };
}
