// Cursors: which event comes before which, and which has been here already.

/** How many numberings are remembered: a hub begins a new one after each stop that was not clean. */
const MAX_EPOCHS = 16;

/**
 * How far the stream has been seen, in each epoch: cursors of one epoch are in order, those of two are not.
 *
 * An event is seen once. Without this, a hub that no longer knows our cursor and replays all that it holds would bring what
 * we have had, and so would two requests that overlap.
 *
 * @returns {(cursor: string) => boolean} moves on to this cursor, `#epoch-offset`. False if that, or a later one, has been here
 */
export function admission() {
  /** @type {Map<string, bigint>} */
  const offsets = new Map();
  return (cursor) => {
    const [, epoch, digits] = /^#(.+)-(\d{1,20})$/.exec(cursor) ?? [];
    // What is no cursor is not ours to order.
    if (!epoch) return true;
    const offset = BigInt(digits);
    if (offset <= (offsets.get(epoch) ?? -1n)) return false;
    offsets.delete(epoch);
    offsets.set(epoch, offset);
    const [oldest] = offsets.keys();
    if (offsets.size > MAX_EPOCHS) offsets.delete(oldest);
    return true;
  };
}
