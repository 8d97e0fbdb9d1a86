// Who else is here. Only for this page to show: what shares the connection talks by itself, over channels of its own.

/** A tab that has said nothing for so long has gone without a word. Readings come each second, and each tab tells with each. */
const GONE_MS = 8_000;
/** Tabs that are shown and numbered. */
const MOST = 50;
const NAME = 'headwater-demo-tabs';

/**
 * @typedef {object} Tab
 * @property {number} number
 * @property {boolean} leads
 * @property {boolean} away it has left, and is still open
 * @property {number} events
 * @property {number} wrong missing or doubled
 */

/** Dispatches `change`. */
export class Roster extends EventTarget {
  /** The number of this tab; 0 until it has one. */
  number = 0;
  /** @type {Map<number, Tab & { seen: number }>} */
  #others = new Map();
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #release = () => {};

  constructor() {
    super();
    this.#enter();
    // A page in the back-forward cache is no open tab; neither a channel nor a lock may keep it from going there.
    addEventListener('pagehide', () => this.#leave());
    addEventListener('pageshow', ({ persisted }) => persisted && this.#enter());
  }

  /** All that are known, this one left out. @returns {Tab[]} */
  get others() {
    return [...this.#others.values()].sort((a, b) => a.number - b.number);
  }

  /** Tells the others how this tab fares. @param {Omit<Tab, 'number'>} how */
  tell(how) {
    if (this.number > 0) this.#channel?.postMessage({ number: this.number, ...how });
    const now = performance.now();
    for (const [number, { seen }] of this.#others) {
      if (now - seen > GONE_MS) this.#forget(number);
    }
  }

  async #enter() {
    const channel = new BroadcastChannel(NAME);
    this.#channel = channel;
    channel.onmessage = ({ data }) => this.#hear(data);
    for (let number = 1; number <= MOST && this.#channel === channel; number += 1) {
      if (await this.#claim(number)) {
        this.number = number;
        this.dispatchEvent(new Event('change'));
        break;
      }
    }
  }

  #leave() {
    this.#channel?.postMessage({ number: this.number, bye: true });
    this.#channel?.close();
    this.#channel = null;
    this.#release();
    this.#others.clear();
    this.number = 0;
  }

  /** The smallest number that no other tab holds: a lock is given back when its tab closes, however that happens. */
  #claim(number) {
    // There are none on plain http:// beyond this machine; nothing is shared there anyway.
    if (!navigator.locks) return true;
    return new Promise((resolve) => {
      navigator.locks.request(`${NAME}-${number}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock && new Promise((release) => (this.#release = () => release(undefined)));
      }).catch(() => resolve(false));
    });
  }

  /** @param {any} data */
  #hear(data) {
    const { number, leads, away, events, wrong, bye } = data ?? {};
    if (!Number.isInteger(number) || number === this.number) return;
    if (bye) this.#forget(number);
    else {
      this.#others.set(number, { number, leads: leads === true, away: away === true, events: Number(events), wrong: Number(wrong), seen: performance.now() });
      this.dispatchEvent(new Event('change'));
    }
  }

  /** @param {number} number */
  #forget(number) {
    if (this.#others.delete(number)) this.dispatchEvent(new Event('change'));
  }
}
