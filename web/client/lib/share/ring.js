// What the leader told last: who has missed some of it is told again.

import { isWithin } from './order.js';

/** A tab that has missed more asks the hub. */
const MAX_STEPS = 500;
/** In characters of data. */
const MAX_SIZE = 1 << 20;

/** @typedef {import('./member.js').Step} Step */

const size = (/** @type {Step} */ { event }) => event?.data.length ?? 0;

export class Ring {
  /** @type {Step[]} */
  #steps = [];
  #size = 0;
  /** How far it goes. */
  end;

  /** @param {string} start */
  constructor(start) {
    this.end = start;
  }

  /** @param {Step} step */
  push(step) {
    this.#steps.push(step);
    this.#size += size(step);
    this.end = step.own;
    while (this.#steps.length > MAX_STEPS || this.#size > MAX_SIZE) {
      const [oldest] = this.#steps.splice(0, 1);
      this.#size -= size(oldest);
    }
  }

  /**
   * The steps that someone has missed who has been at all of these positions; null if they are no longer held.
   *
   * @param {string[]} positions
   */
  after(positions) {
    // Before its first byte the leader has no position. That is a moment like any other, so nobody has been there.
    const been = (/** @type {string} */ position) => position !== ''
      && positions.some((other) => other === position || isWithin(position, other));
    if (this.end === '' || been(this.end)) return [];
    const from = this.#steps.findLastIndex(({ prev }) => been(prev));
    return from < 0 ? null : this.#steps.slice(from);
  }
}
