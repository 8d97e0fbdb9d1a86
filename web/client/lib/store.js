// A cursor that survives a reload: in `sessionStorage`, under a page id that no other tab has.

/** For how long a page that reloads waits for its former self to let go. */
const PATIENCE = 500;
const PAGE = 'headwater:page';
/** Two versions of this library on one page are one page. */
const SHARED = Symbol.for(PAGE);

/**
 * @typedef {Pick<import('./environment.js').Environment, 'storage' | 'locks' | 'luck' | 'warn' | 'setTimer'>} Outside
 */

/** @param {Outside} outside @returns {Pick<Storage, 'getItem' | 'setItem'>} */
const storageOf = ({ storage = () => sessionStorage }) => storage();

/**
 * The page's id. A duplicated tab comes with a copy of the storage, and with it the id, while its original holds the lock: it
 * takes another id and starts fresh. Without Web Locks (plain `http://`) it is believed.
 *
 * @param {Outside} outside
 * @returns {Promise<string>}
 */
async function pageId(outside) {
  const storage = storageOf(outside);
  const stored = storage.getItem(PAGE);
  if (stored !== null && (await hold(stored, outside))) return stored;
  const id = String(outside.luck()).slice(2);
  storage.setItem(PAGE, id);
  await hold(id, outside);
  return id;
}

/**
 * True once the page's lock is ours, until the page goes.
 *
 * @param {string} id
 * @param {Outside} outside
 * @returns {Promise<boolean>}
 */
function hold(id, { locks = globalThis.navigator?.locks, setTimer }) {
  if (!locks) return Promise.resolve(true);
  const given = new AbortController();
  setTimer(() => given.abort(), PATIENCE);
  return new Promise((resolve) => {
    locks.request(`${PAGE}:${id}`, { signal: given.signal }, () => {
      resolve(true);
      return new Promise(() => {});
    }).catch(() => resolve(false));
  });
}

/** The cursor of one source. Where storage is full or forbidden, it is not kept, which is said once. */
export class Store {
  /** What the page had before; empty: none is kept. */
  cursor = '';
  #name;
  #outside;
  #key = '';
  #written = '';

  /** @param {string} name @param {Outside} outside */
  constructor(name, outside) {
    this.#name = name;
    this.#outside = outside;
  }

  /** @param {string} name @param {Outside} outside */
  static async open(name, outside) {
    const store = new Store(name, outside);
    await store.#try(async () => {
      const shared = /** @type {Record<symbol, Promise<string> | undefined>} */ (/** @type {unknown} */ (globalThis));
      const id = await (shared[SHARED] ??= pageId(outside));
      store.#key = `headwater:cursor:${id}:${name}`;
      store.cursor = storageOf(outside).getItem(store.#key) ?? '';
    });
    return store;
  }

  /** @param {string} cursor */
  write(cursor) {
    if (this.#key && cursor !== this.#written) this.#try(() => storageOf(this.#outside).setItem(this.#key, cursor));
    this.#written = cursor;
  }

  /** @param {() => unknown} use */
  async #try(use) {
    try {
      await use();
    } catch (error) {
      this.#key = '';
      this.#outside.warn(`Headwater cannot keep the cursor of "${this.#name}", so a reload starts anew: ${error}`);
    }
  }
}
