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
export function delay(base: number, failures: number, atLeast: number, luck: number): number;
/** No `retry` and no `Retry-After` makes the client wait longer: it would look dead. */
export const LONGEST: 3600000;
