// What the leader told last: who has missed some of it is told again.

import { isWithin } from './order.js';

/** In characters. A tab that has missed more asks the hub. */
const MAX_SIZE = 1 << 20;
/** What a step counts beside its data and topics: there are no more than some thousand. */
const STEP = 256;

/** @typedef {import('./member.js').Step} Step */

const size = (/** @type {Step} */ { event }) => STEP + (event ? event.data.length + event.topics.join().length : 0);

/**
 * Remembers steps, from this position on.
 *
 * @param {string} end how far it goes
 */
export function ring(end) {
  /** @type {Step[]} */
  const steps = [];
  let held = 0;

  /** @param {Step} step */
  function push(step) {
    steps.push(step);
    held += size(step);
    end = step.own;
    while (held > MAX_SIZE) held -= size(steps.splice(0, 1)[0]);
  }

  /**
   * The steps that someone has missed who has been at these positions. If they are no longer held, one that leads here from
   * nowhere: it cannot be placed.
   *
   * @param {string[]} positions
   * @returns {Step[]}
   */
  function after(positions) {
    // Before its first byte the leader has no position. That is a moment like any other, so nobody has been there.
    const been = (/** @type {string} */ it) => it !== '' && positions.some((at) => isWithin(it, at));
    if (end === '' || been(end)) return [];
    const from = steps.findLastIndex(({ prev }) => been(prev));
    return from < 0 ? [{ prev: '', own: end }] : steps.slice(from);
  }

  return { push, after, get end() { return end; } };
}
