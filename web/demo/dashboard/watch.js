// Thresholds: what is beyond its own, and since when; said once, and once more when it is over.

/** It must have been back for so long before it counts: a value that dances about its threshold is no news each second. */
const CALM_MS = 10_000;

export class Watch {
  /** By name: since when it is beyond, and when it last was. @type {Map<string, { since: number, seen: number }>} */
  #beyond = new Map();
  /** What has been told. @type {Set<string>} */
  #told = new Set();

  /**
   * Looks at one more value. History can be looked at as well: nothing is said before `news` is asked.
   *
   * @param {string} name
   * @param {number} value
   * @param {number | null} threshold null: there is none
   * @param {number} time of the value, in milliseconds
   */
  look(name, value, threshold, time) {
    const known = this.#beyond.get(name);
    if (threshold !== null && value > threshold) {
      if (known) known.seen = time;
      else this.#beyond.set(name, { since: time, seen: time });
    } else if (known && (threshold === null || time - known.seen >= CALM_MS)) {
      this.#beyond.delete(name);
    }
  }

  /** The threshold is another: what was beyond the old one does not count. @param {string} name */
  forget(name) {
    this.#beyond.delete(name);
  }

  /** Since when it is beyond, in milliseconds; undefined: it is not. @param {string} name */
  since(name) {
    return this.#beyond.get(name)?.since;
  }

  /** What has changed since this was asked before. */
  news() {
    const beyond = [...this.#beyond.keys()].filter((name) => !this.#told.has(name));
    const back = [...this.#told].filter((name) => !this.#beyond.has(name));
    this.#told = new Set(this.#beyond.keys());
    return { beyond, back };
  }
}
