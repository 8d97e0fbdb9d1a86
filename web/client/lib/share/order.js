// Which of two positions comes first, as far as they can be compared.

import { admission } from '../position.js';

/**
 * They are the same, or both are cursors of one epoch and the first comes before the other: who has seen the other has seen it.
 *
 * @param {string} first
 * @param {string} other
 */
export function isWithin(first, other) {
  const isNew = admission();
  return first === other || (isNew(other) && !isNew(first));
}
