// What has been written and has not arrived: kept over reloads and outages, sent in order, published once.

/** A message has no bound on its age, so there is one on how many wait. */
const MOST = 50;
/** Tried again after so long, if the stream did not notice that anything is wrong. */
const AGAIN_MS = 5_000;

/**
 * @typedef {object} Draft
 * @property {string} nonce what it is known by when it comes back through the stream
 * @property {string} user
 * @property {string} room
 * @property {string} text
 * @property {number} time
 * @property {'waiting' | 'sending' | 'sent' | 'refused'} state
 * @property {string} why it was refused
 */

/** Dispatches `change`. */
export class Outbox extends EventTarget {
  /** @type {Map<string, Draft>} */
  #drafts = new Map();
  #shelf;
  #publish;
  #online = false;
  #busy = false;
  #timer = 0;

  /**
   * @param {import('./shelf.js').Shelf} shelf
   * @param {(draft: Draft) => Promise<unknown>} publish safe to repeat: the nonce is its idempotency key
   */
  constructor(shelf, publish) {
    super();
    this.#shelf = shelf;
    this.#publish = publish;
    const kept = shelf.names.map((name) => read(shelf.get(name))).filter((draft) => draft !== null);
    for (const draft of kept.sort((a, b) => a.time - b.time)) this.#drafts.set(draft.nonce, draft);
  }

  /** @param {string} room */
  in(room) {
    return [...this.#drafts.values()].filter((draft) => draft.room === room);
  }

  /** Whether they survive a reload. */
  get lasting() {
    return this.#shelf.lasting;
  }

  get online() {
    return this.#online;
  }

  /** Whether there is a hub to send to. */
  set online(online) {
    this.#online = online;
    this.#changed();
    this.#run();
  }

  /** @param {{ user: string, room: string, text: string }} message @returns {boolean} false: too many wait already */
  add({ user, room, text }) {
    if (this.#drafts.size >= MOST) return false;
    const draft = { nonce: nonce(), user, room, text, time: Date.now(), state: /** @type {const} */ ('waiting'), why: '' };
    this.#drafts.set(draft.nonce, draft);
    // Kept before it is sent: the page may be closed at any moment.
    this.#shelf.set(draft.nonce, JSON.stringify(draft));
    this.#changed();
    this.#run();
    return true;
  }

  /** It came through the stream, so it is out, whatever became of the answer. @param {string} user @param {string} nonce */
  arrived(user, nonce) {
    if (this.#drafts.get(nonce)?.user === user) this.remove(nonce);
  }

  /** @param {string} nonce */
  remove(nonce) {
    if (!this.#drafts.delete(nonce)) return;
    this.#shelf.remove(nonce);
    this.#changed();
  }

  async #run() {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    // One after the other: they shall arrive in the order they were written in.
    for (let draft; this.#online && (draft = this.#next()); ) {
      draft.state = 'sending';
      this.#changed();
      try {
        await this.#publish(draft);
        draft.state = 'sent';
        this.#shelf.remove(draft.nonce);
      } catch (error) {
        draft.state = error.isRetryable ? 'waiting' : 'refused';
        draft.why = error.message;
        if (error.isRetryable) {
          this.#timer = setTimeout(() => this.#run(), AGAIN_MS);
          break;
        }
      }
    }
    this.#busy = false;
    this.#changed();
  }

  #next() {
    return [...this.#drafts.values()].find(({ state }) => state === 'waiting');
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {string | null} text @returns {Draft | null} whoever wrote that: another version of this page, for one */
function read(text) {
  try {
    const { nonce, user, room, text: said, time } = JSON.parse(text ?? '');
    if (![nonce, user, room, said].every((one) => typeof one === 'string') || !Number.isFinite(time)) return null;
    return { nonce, user, room, text: said, time, state: 'waiting', why: '' };
  } catch {
    return null;
  }
}

/** 128 random bits; `crypto.randomUUID` is not there on plain `http://`. */
const nonce = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
