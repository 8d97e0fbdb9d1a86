// What a page keeps for its next visit.

/**
 * One value under one name, so that its parts cannot come apart: say, a cursor and what was made of the events up to it.
 * Where the browser refuses to store (private windows, a full disk), the page works, and begins anew next time.
 */
export class Kept {
  #name;

  /** @param {string} name */
  constructor(name) {
    this.#name = `headwater-demo-${name}`;
  }

  /** What was written last, or null. It comes from outside: look at what you get. */
  read() {
    try {
      return JSON.parse(localStorage.getItem(this.#name) ?? 'null');
    } catch {
      return null;
    }
  }

  /** @param {unknown} value */
  write(value) {
    try {
      localStorage.setItem(this.#name, JSON.stringify(value));
    } catch {
      // Then not.
    }
  }

  /** Writes when the page is left, or looked away from: on a phone there may be no later moment. @param {() => unknown} value */
  writeOnLeave(value) {
    const write = () => this.write(value());
    addEventListener('pagehide', write);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && write());
  }
}
