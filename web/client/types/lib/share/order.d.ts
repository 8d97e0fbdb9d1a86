/** Both are cursors of one epoch, and the first is not beyond the other. @param {string} position @param {string} other */
export function isWithin(position: string, other: string): boolean;
export function epochOf(position: string): string;
