// Cursors: which event comes before which, and which has been here already.

/** How many numberings are remembered: a hub begins a new one after each stop that was not clean. */
const MAX_EPOCHS = 16;

/** @param {string} offset @param {string} other decimal digits without leading zeros, up to 64 bits */
const isBeyond = (offset, other) =>
  (offset.length === other.length ? offset > other : offset.length > other.length);

/**
 * A cursor as a hub takes it back, which is how it writes its own ids, with a `#` before it.
 *
 * @param {string} text
 */
export const cursorId = (text) => (text[0] === '#' ? text : `#${text}`);

/**
 * How far the stream has been seen, in each epoch: cursors of one epoch are in order, those of two are not.
 *
 * An event is seen once. Without this, a hub that no longer knows our cursor and replays all that it holds would bring what
 * we have had, and so would two requests that overlap.
 */
export class Seen {
  /** @type {Map<string, string>} */
  #offsets = new Map();

  /**
   * Moves on to this cursor. False if that, or a later one, has been here.
   *
   * @param {string} cursor
   */
  admit(cursor) {
    const at = cursor.lastIndexOf('-');
    const [epoch, offset] = [cursor.slice(0, at), cursor.slice(at + 1)];
    // What is no cursor is not ours to order.
    if (at < 1 || !/^\d{1,20}$/.test(offset)) return true;
    const before = this.#offsets.get(epoch);
    if (before !== undefined && !isBeyond(offset, before)) return false;
    this.#offsets.delete(epoch);
    this.#offsets.set(epoch, offset);
    if (this.#offsets.size > MAX_EPOCHS) {
      const [oldest] = this.#offsets.keys();
      this.#offsets.delete(oldest);
    }
    return true;
  }
}
