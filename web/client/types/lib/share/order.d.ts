/**
 * They are the same, or both are cursors of one epoch and the first comes before the other: who has seen the other has seen it.
 *
 * @param {string} first
 * @param {string} other
 */
export function isWithin(first: string, other: string): boolean;
