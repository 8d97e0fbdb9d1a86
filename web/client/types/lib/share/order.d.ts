/** Both are cursors of one epoch, `#epoch-offset`, and the first is not beyond the other. @param {string[]} positions */
export function isWithin(...positions: string[]): boolean;
