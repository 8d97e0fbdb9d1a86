// What survives a reload, where the browser lets pages keep anything.

/** Texts by name, in `localStorage`. Where that is forbidden or full they live as long as the page, which `lasting` tells. */
export class Shelf {
  lasting = true;
  #prefix;
  /** @type {Map<string, string>} */
  #texts = new Map();

  /** @param {string} prefix what sets them apart from all else that this origin keeps */
  constructor(prefix) {
    this.#prefix = prefix;
    this.#try((storage) => {
      for (const key of Object.keys(storage)) {
        if (key.startsWith(prefix)) this.#texts.set(key.slice(prefix.length), storage.getItem(key));
      }
    });
  }

  get names() {
    return [...this.#texts.keys()];
  }

  /** @param {string} name */
  get(name) {
    return this.#texts.get(name) ?? null;
  }

  /** @param {string} name @param {string} text */
  set(name, text) {
    this.#texts.set(name, text);
    this.#try((storage) => storage.setItem(this.#prefix + name, text));
  }

  /** @param {string} name */
  remove(name) {
    this.#texts.delete(name);
    this.#try((storage) => storage.removeItem(this.#prefix + name));
  }

  /** @param {(storage: Storage) => void} what */
  #try(what) {
    try {
      // Where it is forbidden, already the name throws.
      what(localStorage);
    } catch {
      this.lasting = false;
    }
  }
}
