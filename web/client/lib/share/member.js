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

export class Member {
  /** The question that is open: what answers an earlier one may be of other topics. 0: none is. */
  turn = 0;
  /** When `elapsed` is due. */
  until = Infinity;
  #ping;
  /** The last question: no other tab's has this fraction. */
  #last;

  /** @param {number} luck from 0 to 1 */
  constructor(luck) {
    this.#ping = PING * (1 + luck / 2);
    this.#last = luck;
  }

  /**
   * @param {'ask' | 'answer' | 'heard' | 'elapsed' | 'sleep'} what
   * @param {number} now
   * @returns {'ask' | 'steal' | undefined}
   */
  on(what, now) {
    switch (what) {
      case 'elapsed':
        if (now < this.until) break;
        // Unanswered; unless it is our own timers that did not run, and the answer with them.
        if (this.turn === 0 || now >= this.until + LATE) return this.on('ask', now);
        this.until = now + PATIENCE;
        return 'steal';
      case 'heard':
        // Whoever tells us so much lives, and its answer is on the way.
        if (this.turn !== 0) this.until = now + PATIENCE;
        break;
      case 'ask':
        this.turn = this.#last += 1;
        this.until = now + PATIENCE;
        return 'ask';
      default:
        this.turn = 0;
        this.until = what === 'answer' ? now + this.#ping : Infinity;
    }
    return undefined;
  }
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
