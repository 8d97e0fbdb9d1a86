// Which of two positions comes first, as far as they can be compared.

/** Both are cursors of one epoch, `#epoch-offset`, and the first is not beyond the other. @param {string[]} positions */
export function isWithin(...positions) {
  const [first, other] = positions.map((position) => /^(#.+)-(\d{1,20})$/.exec(position));
  return !!first && first[1] === other?.[1] && BigInt(first[2]) <= BigInt(other[2]);
}
