// `for await (const event of source)`: what has come and waits for the loop.

/** So many events may wait before reading stops. What one read brought comes on top. */
const ENOUGH = 64;

/**
 * @template T
 * @implements {AsyncIterator<T, undefined>}
 */
export class Queue {
  /** @type {T[]} */
  #items = [];
  /** @type {((result: IteratorResult<T, undefined>) => void) | null} */
  #hand = null;
  /** @type {((reason: unknown) => void) | null} */
  #refuse = null;
  /** @type {{ error?: unknown, failed: boolean } | null} */
  #end = null;
  #on;

  /** @param {{ asked: () => void, room: () => void, taken: (item: T) => void, left: () => void }} on `asked`: what was taken
   *   before has been dealt with */
  constructor(on) {
    this.#on = on;
  }

  get full() {
    return this.#items.length >= ENOUGH;
  }

  /** Something has not been dealt with yet. */
  get busy() {
    return this.#hand === null && this.#end === null;
  }

  /** @param {T} item */
  push(item) {
    if (this.#hand) this.#give(item);
    else this.#items.push(item);
  }

  /** @param {T} item */
  #give(item) {
    const hand = this.#hand;
    this.#hand = null;
    this.#on.taken(item);
    hand?.({ done: false, value: item });
  }

  /** No more will come. @param {boolean} failed @param {unknown} [error] */
  end(failed, error) {
    this.#end ??= { failed, error };
    if (!this.#hand) return;
    if (failed) this.#refuse?.(error);
    else this.#hand({ done: true, value: undefined });
    this.#hand = null;
  }

  /** @returns {Promise<IteratorResult<T, undefined>>} */
  next() {
    this.#on.asked();
    return new Promise((hand, refuse) => {
      this.#hand = hand;
      this.#refuse = refuse;
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#give(item);
        if (!this.full) this.#on.room();
      } else if (this.#end) {
        const { failed, error } = this.#end;
        this.#end = { failed: false };
        this.#hand = null;
        if (failed) refuse(error);
        else hand({ done: true, value: undefined });
      }
    });
  }

  /** The loop was left. @returns {Promise<IteratorResult<T, undefined>>} */
  async return() {
    this.#items = [];
    this.#end = { failed: false };
    this.#on.left();
    return { done: true, value: undefined };
  }
}
