// What the leader told last: who has missed some of it is told again.

import { isWithin } from './order.js';

/** In characters. A tab that has missed more asks the hub. */
const MAX_SIZE = 1 << 20;
/** What a step counts beside its data and topics: there are no more than some thousand. */
const STEP = 256;

/** @typedef {import('./member.js').Step} Step */

const size = (/** @type {Step} */ { event }) => STEP + (event ? event.data.length + event.topics.join().length : 0);

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
    while (this.#size > MAX_SIZE) this.#size -= size(this.#steps.splice(0, 1)[0]);
  }

  /**
   * The steps that someone has missed who has been at these positions. If they are no longer held, one that leads here from
   * nowhere: it cannot be placed.
   *
   * @param {string[]} positions
   * @returns {Step[]}
   */
  after(positions) {
    // Before its first byte the leader has no position. That is a moment like any other, so nobody has been there.
    const been = (/** @type {string} */ it) => it !== '' && positions.some((at) => isWithin(it, at));
    if (this.end === '' || been(this.end)) return [];
    const from = this.#steps.findLastIndex(({ prev }) => been(prev));
    return from < 0 ? [{ prev: '', own: this.end }] : this.#steps.slice(from);
  }
}
