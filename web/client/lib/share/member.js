// What one tab of many decides: which steps of the leader's stream are its next ones, when to ask the leader, and when to take
// its place. No I/O here: what happened and the time go in, what to do comes out.

import { isWithin } from './order.js';

/** How often a tab asks whether the leader lives; others of the same age ask up to half as much later. */
const PING = 10_000;
/** So long an answer may take. A leader that does not answer is robbed. */
const PATIENCE = 5_000;
/** A timer that is later than this says that it is we who were asleep. Timers of hidden tabs are late by up to a second. */
const LATE = 2_000;

/**
 * A step of the leader's stream: with an event, or without one.
 *
 * @typedef {object} Step
 * @property {string} prev the leader's position before it
 * @property {string} own and after it
 * @property {import('../connection.js').Received} [event]
 * @property {import('../connection.js').Between} [gap] told before the event
 */

/** @param {number} luck from 0 to 1 */
export function member(luck) {
  const ping = PING * (1 + luck / 2);
  /** The question that is open: what answers an earlier one may be of other topics. 0: none is. */
  let turn = 0;
  /** The last question: no other tab's has this fraction. */
  let last = luck;
  /** When `elapsed` is due. */
  let until = Infinity;

  /**
   * @param {'ask' | 'answer' | 'heard' | 'elapsed' | 'sleep'} what
   * @param {number} now
   * @returns {'ask' | 'steal' | undefined}
   */
  function on(what, now) {
    switch (what) {
      case 'elapsed':
        if (now < until) break;
        // Unanswered; unless it is our own timers that did not run, and the answer with them.
        if (turn === 0 || now >= until + LATE) return on('ask', now);
        until = now + PATIENCE;
        return 'steal';
      case 'heard':
        // Whoever tells us so much lives, and its answer is on the way.
        if (turn !== 0) until = now + PATIENCE;
        break;
      case 'ask':
        turn = last += 1;
        until = now + PATIENCE;
        return 'ask';
      default:
        turn = 0;
        until = what === 'answer' ? now + ping : Infinity;
    }
    return undefined;
  }

  return { on, get turn() { return turn; }, get until() { return until; } };
}

/**
 * What a step is to someone at this position: the next one, an old one, or one that cannot be placed, since something may be
 * missing before it.
 *
 * @param {Step} step
 * @param {string} position
 * @returns {'next' | 'old' | 'astray'}
 */
export function judge({ prev, own }, position) {
  if (isWithin(own, position)) return 'old';
  return prev === position || (isWithin(prev, position) && isWithin(position, own)) ? 'next' : 'astray';
}
