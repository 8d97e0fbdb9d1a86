// Who is typing: how often one tells it, and for how long one believes it.

/** Others are told at most so often. */
const TELL_MS = 3_000;
/** Who has not told again is not typing any more. Longer than the above, or the hint would flicker. */
const BELIEVED_MS = 5_000;
/** Names in a hint: more nobody reads. */
const NAMED = 2;

export class Typists {
  /** @type {Map<string, number>} a timer for each */
  #users = new Map();
  #toldAt = -Infinity;
  #changed;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** Somebody types. @param {string} user */
  typed(user) {
    clearTimeout(this.#users.get(user));
    this.#users.set(user, setTimeout(() => this.ended(user), BELIEVED_MS));
    this.#changed();
  }

  /** @param {string} user */
  ended(user) {
    clearTimeout(this.#users.get(user));
    if (this.#users.delete(user)) this.#changed();
  }

  clear() {
    for (const user of [...this.#users.keys()]) this.ended(user);
  }

  /** Whether it is time to tell the others that one types oneself. */
  shouldTell() {
    const now = performance.now();
    if (now < this.#toldAt + TELL_MS) return false;
    this.#toldAt = now;
    return true;
  }

  /** The message is out: who types now, types the next one. */
  said() {
    this.#toldAt = -Infinity;
  }

  /** For people to read; empty when nobody types. */
  get words() {
    const users = [...this.#users.keys()];
    if (users.length === 0) return '';
    if (users.length > NAMED) return `${users.length} people are typing…`;
    return `${users.join(' and ')} ${users.length === 1 ? 'is' : 'are'} typing…`;
  }
}
