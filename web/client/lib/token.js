// The token: asked for, kept while it is good, asked for again before it ends.

import { HeadwaterError } from './errors.js';

/**
 * A token, or a function that gets one. `refused` is true when the last one was answered with 401: then a copy that the
 * application keeps is no good. An empty one means none.
 *
 * @typedef {string | ((asked: { refused: boolean }) => string | null | undefined | Promise<string | null | undefined>)}
 *   TokenSource
 */

/** A new one is asked for when a tenth of the life is left, but no more than this. */
const MARGIN = 60_000;
/** Whatever a token says, another one is not asked for sooner. */
const SOONEST = 1_000;

/**
 * When to ask for another one, in milliseconds from now; Infinity: it does not end, or it is none that can be read.
 *
 * @param {string} token
 * @param {number} wall
 */
function renewIn(token, wall) {
  let life;
  let left;
  try {
    const { exp, iat } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    life = (exp - iat) * 1_000;
    left = exp * 1_000 - wall;
  } catch {
    return Infinity;
  }
  // It cannot have ended already, nor live longer than it was made for: then the clock is wrong, and its own life counts.
  if (!(left > 0) || left > life) left = life > 0 ? life : Infinity;
  return Math.max(left - Math.min(left / 10, MARGIN), SOONEST);
}

/**
 * Keeps a token while it is good.
 *
 * @param {TokenSource | undefined} source
 * @param {{ now: () => number, wall: () => number }} clock
 */
export function keep(source, { now, wall }) {
  let last = '';
  /** Until when the last one is good; -Infinity: it was refused. */
  let until = 0;
  /** @type {Promise<string> | null} */
  let asking = null;

  /** The server did not take it. True: another one can be had. */
  function refuse() {
    until = -Infinity;
    return typeof source === 'function';
  }

  /** @param {AbortSignal} signal of the attempt that needs it @returns {Promise<string>} empty: none */
  async function get(signal) {
    if (typeof source !== 'function') return source ?? '';
    if (now() < until) return last;
    // A stream and the poll beside it share the answer. Once either is given up it may be one that never comes: who is next asks
    // again.
    const mine = (asking ??= ask(source));
    const drop = () => {
      if (asking === mine) asking = null;
    };
    signal.addEventListener('abort', drop);
    return mine.finally(drop);
  }

  /** @param {Exclude<TokenSource, string>} from */
  async function ask(from) {
    let token;
    try {
      token = (await from({ refused: until < 0 })) || '';
    } catch (cause) {
      throw new HeadwaterError('token', `no token: ${/** @type {any} */ (cause)?.message ?? cause}`, { cause });
    }
    // Who gives the same one again has no other: it is not asked for each second.
    until = token === last ? Infinity : now() + renewIn(token, wall());
    last = token;
    return token;
  }

  return { refuse, get, get until() { return until; } };
}
