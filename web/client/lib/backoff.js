// How long to wait before trying again: exponential, with jitter, never nothing.

/** No attempt comes sooner, whatever `retry` says: `retry: 0` must not become a busy loop. */
const FLOOR = 100;
/** Doubling stops here: a hub that is back is found within half a minute. */
const CEILING = 30_000;
/** No `retry` and no `Retry-After` makes the client wait longer: it would look dead. */
export const LONGEST = 3_600_000;

/**
 * The wait after so many failures in a row, before this one, in milliseconds. The standard allows to wait longer than the
 * reconnection time and never shorter, so jitter only adds: up to half, that those who were cut together do not come back
 * together.
 *
 * @param {number} base the reconnection time
 * @param {number} failures
 * @param {number} atLeast a `Retry-After`, up to `LONGEST`
 * @param {number} luck from 0 to 1
 */
export function delay(base, failures, atLeast, luck) {
  const least = Math.min(Math.max(base, FLOOR), LONGEST);
  const wait = Math.max(Math.min(least * 2 ** failures, Math.max(CEILING, least)), atLeast);
  return wait + Math.min(wait / 2, CEILING) * luck;
}
