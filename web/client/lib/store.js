// A cursor that survives a reload: in `sessionStorage`, under a page id that no other tab has.

/**
 * For how long a page that reloads waits for its former self to let go: a busy machine takes its time, and a page that started
 * afresh instead would miss what came meanwhile. A duplicated tab starts so much later.
 */
const PATIENCE = 3_000;
const PAGE = 'headwater:page';
/** Two versions of this library on one page are one page. */
const SHARED = Symbol.for(PAGE);

/**
 * @typedef {Pick<import('./environment.js').Environment, 'storage' | 'locks' | 'luck' | 'warn' | 'setTimer'>} Outside
 *
 * @typedef {object} Store
 * @property {string} cursor what the page had before; empty: none is kept
 * @property {(cursor: string) => void} write
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
  let id = storage.getItem(PAGE) ?? '';
  if (!id || !(await hold(id, outside))) {
    id = String(outside.luck()).slice(2);
    storage.setItem(PAGE, id);
    await hold(id, outside);
  }
  on('pageshow', ({ persisted }) => persisted && hold(id, outside));
  return id;
}

/** Of pages; workers and Node have neither. @param {string} type @param {(event: any) => void} run */
const on = (type, run) => globalThis.addEventListener?.(type, run);

/**
 * True once the page's lock is ours, until the page goes. One that waits in the back-forward cache must not hold it: the browser
 * would throw it out as soon as the page after it, which has the same storage, asks for the lock.
 *
 * @param {string} id
 * @param {Outside} outside
 * @returns {Promise<boolean> | true}
 */
function hold(id, { locks, setTimer }) {
  const given = new AbortController();
  setTimer(() => given.abort(), PATIENCE);
  return !locks || new Promise((resolve) => {
    locks.request(`${PAGE}:${id}`, { signal: given.signal }, () => {
      resolve(true);
      return new Promise((release) => on('pagehide', release));
    }).catch(() => resolve(false));
  });
}

/**
 * The cursor of one source. Where storage is full or forbidden, it is not kept, which is said once.
 *
 * @param {string} name
 * @param {Outside} outside
 * @returns {Promise<Store>}
 */
export async function open(name, outside) {
  const shared = /** @type {Record<symbol, Promise<string> | undefined>} */ (/** @type {unknown} */ (globalThis));
  let key = '';
  let cursor = '';
  /** @param {() => unknown} use */
  const attempt = async (use) => {
    try {
      await use();
    } catch (error) {
      key = '';
      outside.warn(`Headwater cannot keep the cursor of "${name}": ${error}`);
    }
  };
  await attempt(async () => {
    key = `headwater:cursor:${await (shared[SHARED] ??= pageId(outside))}:${name}`;
    cursor = storageOf(outside).getItem(key) ?? '';
  });
  return {
    cursor,
    write: (now) => {
      if (key) attempt(() => storageOf(outside).setItem(key, now));
    },
  };
}
