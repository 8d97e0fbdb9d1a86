// The one connection for all: for the topics of all, told to all. Who may hold it says a lock of the browser's.

import { Connection } from '../connection.js';
import { build } from '../request.js';
import { Ring } from './ring.js';

/** Tabs that come together, as all do when the leader has changed, cost one request. */
const GATHER = 20;
/** Who has not asked for so long has crashed: hidden tabs' timers have gaps of a minute. */
const LAPSE = 180_000;
/** A topic that nobody wants is kept for so long: someone may only have gone to another page. */
const LINGER = 30_000;
/** Servers and proxies commonly admit 8 KiB for the request's first line. */
const MAX_URL = 6 << 10;
/** By its selectors each tab knows what is its own. */
export const INCLUDE = ['cursor', 'gap', 'topic', 'selector'];

/**
 * What a tab asks whoever leads: take these topics, and tell what I have missed. Without topics: I go.
 *
 * @typedef {object} Asked
 * @property {number} from
 * @property {number} turn
 * @property {string[]} topics
 * @property {string[]} at positions where it has been
 * @property {boolean} [busy] it takes nothing for now
 * @property {import('../environment.js').Lifecycle} [nudge] something has happened to the page: the network may be another one
 *
 * What the leader tells: how it stands, and what is new.
 *
 * @typedef {object} Told
 * @property {string} term a name for its time as the leader
 * @property {number} tabs
 * @property {string} at its position
 * @property {boolean} open
 * @property {boolean} live nothing old comes any more
 * @property {number} age of the last byte, in milliseconds
 * @property {boolean} [lead] it has just begun
 * @property {number} [turn] the answer to this question: from here on the topics are in the stream
 * @property {import('./member.js').Step[]} [steps]
 * @property {{ kind: import('../errors.js').ErrorKind, message: string, status?: number, retryAfter?: number }} [error]
 * @property {number | null} [retryIn] error
 * @property {string} [alone] share no more, and why
 */

export class Leader {
  /** Empty while it does not lead. */
  term = '';
  #name;
  #settings;
  #outside;
  #tell;
  #refused;
  /** Ends the waiting for the lock, or the leading. @type {AbortController | undefined} */
  #standing;
  /** By `from`. @type {Map<number, Asked & { heard: number }>} */
  #followers = new Map();
  /** @type {Connection | undefined} */
  #connection;
  #ring = new Ring('');
  /** @type {import('./member.js').Step[]} */
  #steps = [];
  /** @type {import('./member.js').Step['gap']} */
  #gap;
  #live = false;
  /** @type {unknown} */
  #timer;
  /** Someone was taken for crashed. Who only hung goes on with what this leader told, though it may no longer hold its topics. */
  #lapsed = false;
  /** Since when there is a topic that nobody wants. */
  #idle = Infinity;

  /**
   * @param {string} name of the lock
   * @param {import('../connection.js').Settings} settings
   * @param {import('../environment.js').Environment} outside
   * @param {(message: Told) => void} tell
   * @param {(why: string) => void} refused it cannot lead: there is no lock for this page, or the server does not take its token
   */
  constructor(name, settings, outside, tell, refused) {
    this.#name = name;
    this.#settings = { ...settings, include: INCLUDE, topics: new Set() };
    this.#outside = outside;
    this.#tell = tell;
    this.#refused = refused;
  }

  /** Waits to lead; or, when nobody answers who leads, takes the lock. @param {boolean} [steal] */
  stand(steal) {
    this.withdraw();
    const { signal } = (this.#standing = new AbortController());
    const lead = () => signal.aborted || new Promise((release) => {
      signal.addEventListener('abort', release);
      this.#begin();
    });
    this.#outside.locks?.request(this.#name, steal ? { steal } : { signal }, lead).catch((error) => {
      // Robbed, or refused; unless it was we who went.
      if (signal.aborted) return;
      if (error.name === 'AbortError') this.stand();
      else this.#refused(error.message);
    });
  }

  /** Whom it led before has to ask again. */
  #begin() {
    this.term = String(this.#outside.luck());
    this.#lapsed = false;
    this.#post({ lead: true });
  }

  /** Leads no more, and does not want to. */
  withdraw() {
    this.#standing?.abort();
    this.#followers.clear();
    this.#rest();
    this.term = '';
  }

  /** @param {Asked} asked */
  hear(asked) {
    if (!this.term) return;
    const { from, turn, nudge } = asked;
    const now = this.#outside.now();
    const followers = this.#followers;
    const { size } = followers;
    const before = followers.get(from);
    if (asked.topics) followers.set(from, { ...asked, heard: now });
    else followers.delete(from);
    for (const [id, { heard }] of followers) if (now > heard + LAPSE) this.#lapsed = followers.delete(id);
    const { topics } = this.#settings;
    const wanted = this.#wanted();
    if (build({ ...this.#settings, topics: wanted }, '', '')[0].length > MAX_URL) {
      followers.delete(from);
      this.#post({ turn, alone: 'too many topics' });
    } else if (this.#connection && [...wanted].every((topic) => topics.has(topic))) {
      this.#idle = wanted.size < topics.size ? Math.min(this.#idle, now) : Infinity;
      if (now > this.#idle + LINGER) this.#settle();
      // A hidden tab's timers are late: who asks drives them. A change of topics is taken care of here; any other is one of ours.
      const isOurs = nudge !== 'change' || String(before?.topics) === String(asked.topics);
      this.#connection.tell((isOurs && nudge) || 'elapsed');
      if (asked.topics) this.#answer(asked);
    } else {
      this.#timer ??= this.#outside.setTimer(() => this.#settle(), GATHER);
    }
    if (followers.size === 0) this.#rest();
    if (followers.size !== size) this.#post();
  }

  /** Nobody is there. */
  #rest() {
    this.#connection?.page('end');
    this.#connection = undefined;
    this.#live = false;
  }

  /** @param {Partial<Told>} [more] */
  #post(more) {
    const { phase, heardAt = 0 } = this.#connection?.state ?? {};
    this.#tell({ ...more, term: this.term, tabs: this.#followers.size, at: this.#ring.end, open: phase === 'open',
      live: this.#live, age: this.#outside.now() - heardAt });
  }

  /** @param {Asked} asked */
  #answer({ turn, at, busy }) {
    this.#post({ turn, steps: busy ? [] : this.#ring.after(at) });
  }

  #wanted() {
    return new Set([...this.#followers.values()].flatMap(({ topics }) => topics));
  }

  /** Takes the topics of all into the connection. */
  #settle() {
    this.#timer = undefined;
    const [first] = this.#followers.values();
    if (!first) return;
    this.#settings.topics = this.#wanted();
    // From where the first is: the tab that this one is in. Others fetch by themselves what they miss. And what came so far is
    // not all that they want to have now.
    if (this.#lapsed) this.#begin();
    this.#ring = new Ring(this.#connection ? this.#ring.end : first.at[0]);
    this.#live = false;
    this.#connection ??= new Connection(this.#settings, this.#ring.end, this.#outside, {
      take: (event) => this.#step({ event }),
      emit: (type, gap) => this.#emit(type, gap),
      passed: () => this.#flush(),
      failed: (error, retryIn) => {
        const { message } = error;
        this.#live = false;
        if (retryIn !== null || !error.status) {
          this.#post({ error: { ...error, message }, retryIn });
        } else if (error.status === 401 || error.status === 403) {
          // It is our token that is no good. The next one leads with its own.
          this.withdraw();
          this.#refused(message);
        } else {
          // It may be only one of them whom the server does not want: each sees for itself.
          this.#post({ alone: message });
        }
      },
    });
    this.#connection.page('change');
    for (const follower of this.#followers.values()) this.#answer(follower);
  }

  /** The connection has moved. @param {Pick<import('./member.js').Step, 'event'>} [what] */
  #step(what) {
    const own = this.#connection?.position ?? '';
    const prev = this.#ring.end;
    if (own === prev && !what) return;
    if (own[0] !== '#') {
      this.#post({ alone: 'the hub tells no cursors' });
      return;
    }
    const step = { ...what, prev, own, gap: this.#gap };
    this.#gap = undefined;
    this.#ring.push(step);
    this.#steps.push(step);
  }

  /** What one read has brought goes in one message. */
  #flush() {
    this.#step();
    if (this.#steps.length > 0) this.#post({ steps: this.#steps });
    this.#steps = [];
    return null;
  }

  /** @param {string} type @param {import('../connection.js').Between} [gap] */
  #emit(type, gap) {
    if (gap) this.#gap = gap;
    else {
      this.#flush();
      this.#live = type === 'caughtup';
      this.#post();
    }
  }
}
