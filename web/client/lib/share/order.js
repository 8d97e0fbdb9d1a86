// Which of two positions comes first, as far as they can be compared.

/** The epoch of a cursor, `#epoch-offset`; empty: it is none. @param {string} position */
export const epochOf = (position) => /^(#.+)-\d{1,20}$/.exec(position)?.[1] ?? '';

/** Both are cursors of one epoch, and the first is not beyond the other. @param {string} position @param {string} other */
export function isWithin(position, other) {
  const epoch = epochOf(position);
  const offset = (/** @type {string} */ cursor) => BigInt(cursor.slice(epoch.length + 1));
  return epoch !== '' && epoch === epochOf(other) && offset(position) <= offset(other);
}
