// The items that have arrived, newest first: which of them are unread, and which wait to be let in. No page in here.

/** A page stays open for days: so many items are kept. */
export const MOST = 200;
/** Whoever may publish may publish a novel. */
const MAX_TITLE = 200;
const MAX_SUMMARY = 600;

/**
 * @typedef {object} Item
 * @property {string} id the event's
 * @property {string} title
 * @property {string} summary
 * @property {string} section
 * @property {number} time milliseconds since 1970
 * @property {boolean} read
 * @property {false} [gap]
 *
 * @typedef {{ id: string, gap: true }} Gap a place where items are missing
 */

/**
 * An item from what an event says, or null where that is none: its topic says the section, its data the rest.
 *
 * @param {{ lastEventId: string, topics?: string[], json: () => any }} event
 * @param {number} now
 * @returns {Item | null}
 */
export function itemOf(event, now) {
  let data;
  try {
    data = event.json();
  } catch {
    return null;
  }
  const section = event.topics?.[0]?.match(/^\/demo\/news\/([\w-]{1,40})$/)?.[1];
  if (!section || typeof data?.title !== 'string' || data.title.trim() === '') return null;
  return {
    id: event.lastEventId,
    title: cut(data.title, MAX_TITLE),
    summary: typeof data.summary === 'string' ? cut(data.summary, MAX_SUMMARY) : '',
    section,
    time: isTime(data.time) ? data.time : now,
    read: false,
  };
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
/** What a `Date` can hold. */
const isTime = (time) => Number.isFinite(time) && Math.abs(time) <= 8.64e15;

export class Feed {
  /** @type {(Item | Gap)[]} newest first */
  #entries;
  /** So many of the newest wait until the reader wants them. */
  #held = 0;

  /** @param {unknown} [kept] what {@link toJSON} gave on an earlier visit */
  constructor(kept) {
    this.#entries = Array.isArray(kept) ? kept.filter(isEntry).slice(0, MOST) : [];
  }

  /**
   * @param {Item | Gap} entry
   * @param {boolean} hold it waits for {@link letIn}
   * @returns {boolean} false: it is here already
   */
  add(entry, hold) {
    if (this.#entries.some(({ id }) => id === entry.id)) return false;
    this.#entries.unshift(entry);
    // What follows one that waits, waits too: the order is that of the hub.
    if (hold || this.#held > 0) this.#held += 1;
    // The last one that is shown may be the one that is being read: it goes once the others are let in.
    this.#entries.length = Math.min(this.#entries.length, MOST + Math.min(this.#held, MOST));
    this.#held = Math.min(this.#held, this.#entries.length);
    return true;
  }

  letIn() {
    this.#held = 0;
    this.#entries.length = Math.min(this.#entries.length, MOST);
  }

  /** What is to be shown, of one section or of all. @param {string} [section] @returns {(Item | Gap)[]} */
  shown(section) {
    return this.#entries.slice(this.#held).filter(isOf(section));
  }

  /** How many items wait. @param {string} [section] */
  waiting(section) {
    return this.#entries.slice(0, this.#held).filter((entry) => !entry.gap).filter(isOf(section)).length;
  }

  /** How many were not seen yet, waiting ones included. @param {string} [section] */
  unread(section) {
    return this.#entries.filter((entry) => !entry.gap && !entry.read).filter(isOf(section)).length;
  }

  /** @param {string} [id] without one: all */
  markRead(id) {
    for (const entry of this.#entries) if (!entry.gap && (id === undefined || entry.id === id)) entry.read = true;
  }

  toJSON() {
    return this.#entries.slice(0, MOST);
  }
}

/** A gap is one in every section: who knows what was in it? @param {string} [section] */
const isOf = (section) => (entry) => entry.gap || section === undefined || entry.section === section;

/** What a storage gives back may be of another version of this page. */
function isEntry(entry) {
  if (typeof entry?.id !== 'string') return false;
  if (entry.gap === true) return true;
  return ['title', 'summary', 'section'].every((name) => typeof entry[name] === 'string')
    && isTime(entry.time) && typeof entry.read === 'boolean';
}
