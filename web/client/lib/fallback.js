// Long polls, for networks where something swallows streams. Loaded when a stream is doubted.

import { HeadwaterError, known } from './errors.js';
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
 * @property {import('./connection.js').Between | null} [gap]
 * @property {(import('./connection.js').Received & { retry?: number })[]} updates
 */

/** @param {import('./connection.js').Connection} connection */
export function fallback(connection) {
  const { outside, receiver, settings, state } = connection;
  /** @type {unknown} */
  let timer;
  let delay = TRIAL;

  /** No first byte, or one silence too many: asks whether polls fare better. */
  function doubt() {
    const line = fork();
    // The stream has not come after all.
    const isInDoubt = () => !line.signal.aborted && state.doubted;
    after(PROBE, () => line.abort());
    ask(line, 0).then(({ lastEventID }) => after(SECOND_LOOK, () => {
      if (!isInDoubt()) return;
      // Else the next poll would begin with what is published after it.
      if (connection.position === '') connection.move(lastEventID);
      settings.fallback = false;
      connection.tell('change');
    }), (error) => {
      if (!isInDoubt() || known(error).isRetryable) return;
      line.abort();
      // Who has no polls will not have them later, and may send no first byte either.
      settings.fallback = false;
      connection.fallback = undefined;
      rest();
      if (state.headed) connection.tell('heard');
    });
  }

  /** A line beside the main one, in place of an earlier one. */
  function fork() {
    connection.beside.abort();
    return (connection.beside = new AbortController());
  }

  /** @param {number} wait @param {() => void} run */
  function after(wait, run) {
    rest();
    timer = outside.setTimer(() => {
      rest();
      run();
    }, wait);
  }

  /** Nothing is to be tried for now. */
  function rest() {
    outside.clearTimer(timer);
    timer = null;
  }

  /** Tries a stream beside the polls, after a while. */
  function tryLater() {
    after(delay, () => {
      delay = Math.min(delay * 2, LONGEST_TRIAL);
      const line = fork();
      after(FIRST_BYTE, () => {
        line.abort();
        tryLater();
      });
      connection.guard(line, connection.stream(line, () => back(line)));
    });
  }

  /** A stream works where polls stood in. What both have brought is told apart by its cursor. @param {AbortController} line */
  function back(line) {
    connection.main.abort();
    connection.main = line;
    connection.beside = new AbortController();
    settings.fallback = true;
    rest();
    // One silence more, and it was a mistake.
    state.silences = 1;
    // The polls may have been failing just now.
    if (state.phase !== 'open') state.phase = 'connecting';
  }

  /** Polls until it fails. @param {AbortController} line */
  async function poll(line) {
    const { signal } = line;
    /** @type {boolean | undefined} */
    let isCaughtUp;
    if (!timer) tryLater();
    for (let wait = 0; ; wait = WAIT) {
      const since = outside.now();
      const { gap, updates, more, lastEventID } = await ask(line, wait);
      if (signal.aborted) return;
      connection.tell('head', { silence: SILENCE });
      if (gap) receiver.emit('gap', gap);
      for (const update of updates) {
        state.retry = update.retry ?? state.retry;
        if (connection.admit(update)) receiver.take(update);
        state.delivered = true;
      }
      if (lastEventID) connection.move(lastEventID);
      if (!more && !isCaughtUp) {
        isCaughtUp = true;
        receiver.emit('caughtup');
      }
      await connection.passed(signal);
      if (wait > 0 && updates.length === 0 && outside.now() < since + PAUSE) {
        await /** @type {Promise<void>} */ (new Promise((resolve) => outside.setTimer(resolve, PAUSE)));
      }
      if (signal.aborted) return;
    }
  }

  /**
   * @param {AbortController} line
   * @param {number} wait in seconds
   * @returns {Promise<Answer>}
   */
  async function ask(line, wait) {
    // What is no JSON broke off, and counts as that: browsers take an answer that ended within its head for a whole one.
    const answer = JSON.parse(await read(await connection.send(line, 'application/json', String(wait)), MAX_ANSWER));
    if (typeof answer?.lastEventID !== 'string' || !answer.updates?.every?.(hasData)) {
      throw new HeadwaterError('answer', 'no long poll');
    }
    return { ...answer, updates: answer.updates.map(received) };
  }

  /** @param {any} update */
  const received = ({ id = '', type, topics = [], selectors = [], ...update }) =>
    ({ ...update, type: type || 'message', lastEventId: id, topics, selectors, origin: settings.url.origin });

  return { doubt, poll, rest };
}

/** @param {any} update */
const hasData = (update) => typeof update?.data === 'string';
