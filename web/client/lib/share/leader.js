// The one connection for all: for the topics of all, told to all.

import { Connection } from '../connection.js';
import { build } from '../request.js';
import { isWithin } from './order.js';
import { Ring } from './ring.js';

/** Tabs that come together, as all do when the leader has changed, cost one request. */
const GATHER = 20;
/** Who has not been heard of for so long has crashed: hidden tabs' timers have gaps of a minute. */
const LAPSE = 180_000;
/** A topic that nobody wants is kept for so long: someone may only have gone to another page. */
const LINGER = 30_000;
/** Servers and proxies commonly admit 8 KiB for the request's first line. */
const MAX_URL = 6 << 10;

/**
 * @typedef {{ topics: string[], at: string, prior: boolean, turn: number, heard: number }} Follower
 *
 * What a tab says to whoever leads.
 *
 * @typedef {object} Said
 * @property {string} from
 * @property {string} [term] whom it takes for the leader
 * @property {Pick<Follower, 'topics' | 'at' | 'prior' | 'turn'>} [join] take these topics
 * @property {string[]} [tail] what came after these positions?
 * @property {boolean} [ping] are you there?
 * @property {boolean} [nudge] and look after the network
 * @property {boolean} [bye]
 *
 * What the leader says. Each time also its term, and how many tabs there are.
 *
 * @typedef {object} Told
 * @property {string} term
 * @property {number} tabs
 * @property {string} [to] one of them; all otherwise
 * @property {boolean} [lead] here I am
 * @property {{ turn: number, at: string, phase: string, live: boolean }} [ack]
 * @property {{ steps: import('./member.js').Step[] | null, at: string, live: boolean }} [tail]
 * @property {number} [age] of the last byte, in milliseconds
 * @property {import('./member.js').Step[]} [steps]
 * @property {'open' | 'caughtup'} [now]
 * @property {string} [at] caughtup: the position
 * @property {{ kind: import('../errors.js').ErrorKind, message: string, status?: number, retryAfter?: number }} [error]
 * @property {number | null} [retryIn] error
 * @property {string} [alone] share no more, and why
 */

export class Leader {
  term;
  #settings;
  #outside;
  #tell;
  /** @type {Map<string, Follower>} */
  #followers = new Map();
  /** Those who wait to be acknowledged. @type {Set<string>} */
  #coming = new Set();
  /** @type {Connection | null} */
  #connection = null;
  #ring = new Ring('');
  /** @type {import('./member.js').Step[]} */
  #steps = [];
  /** @type {import('./member.js').Step['gap']} */
  #gap;
  /** All that was published before has come. */
  #live = false;
  /** @type {unknown} */
  #timer = null;
  /** Since when there is a topic that nobody wants. */
  #idle = Infinity;

  /**
   * @param {string} term
   * @param {import('../connection.js').Settings} settings
   * @param {import('../environment.js').Environment} outside
   * @param {(message: Told) => void} tell
   */
  constructor(term, settings, outside, tell) {
    this.term = term;
    // By its selectors each tab knows what is its own.
    const include = ['cursor', 'gap', 'topic', 'selector'];
    this.#settings = { ...settings, include, topics: new Set(), byTopic: true };
    this.#outside = outside;
    this.#tell = tell;
    this.#post({ lead: true });
  }

  /** @param {Said} said */
  hear({ from, term, join, tail, nudge, bye }) {
    const { now } = this.#outside;
    if (join) {
      this.#take(from, { ...join, heard: now() });
      return;
    }
    const follower = this.#followers.get(from);
    if (bye) {
      this.#followers.delete(from);
      this.#post({});
      this.#thin();
    } else if (term !== this.term || !follower) {
      // It follows someone who leads no more, or has been taken for dead.
      this.#post({ to: from, lead: true });
    } else {
      follower.heard = now();
      if (tail) this.#post({ to: from, tail: { steps: this.#ring.after(tail), at: this.#ring.end, live: this.#live } });
      else this.#look(from, nudge);
    }
  }

  /** It leads no more. */
  end() {
    this.#outside.clearTimer(this.#timer);
    this.#connection?.page('end');
    this.#connection = null;
    this.#tell = () => {};
  }

  /** @param {Omit<Told, 'term' | 'tabs'>} message */
  #post(message) {
    this.#tell({ ...message, term: this.term, tabs: this.#followers.size });
  }

  /** @param {string} from @param {Follower} follower */
  #take(from, follower) {
    const before = this.#followers.get(from);
    this.#followers.set(from, follower);
    if (build({ ...this.#settings, topics: this.#wanted() }, { accept: '', cursor: '' })[0].length > MAX_URL) {
      this.#followers.delete(from);
      this.#post({ to: from, alone: 'the topics of all tabs are too many for one URL' });
      return;
    }
    this.#coming.add(from);
    if (this.#connection && this.#missing(follower.topics).length === 0) this.#settle();
    else this.#timer ??= this.#outside.setTimer(() => this.#settle(), GATHER);
    if (!before) this.#post({});
  }

  #wanted() {
    return new Set([...this.#followers.values()].flatMap(({ topics }) => topics));
  }

  /** @param {Iterable<string>} topics */
  #missing(topics) {
    return [...topics].filter((topic) => !this.#settings.topics.has(topic));
  }

  /** Takes the topics of those who came into the connection, and says so. */
  #settle() {
    this.#outside.clearTimer(this.#timer);
    this.#timer = null;
    const wanted = this.#wanted();
    if (wanted.size === 0) return;
    if (!this.#connection) this.#connect(wanted);
    else if (this.#missing(wanted).length > 0) this.#change(wanted);
    const at = this.#ring.end;
    for (const to of this.#coming) {
      const { turn } = this.#followers.get(to) ?? {};
      if (turn !== undefined) this.#post({ to, ack: { turn, at, phase: this.#connection?.state.phase ?? '', live: this.#live } });
    }
    this.#coming.clear();
  }

  /** @param {Set<string>} wanted */
  #connect(wanted) {
    this.#replace(wanted);
    // From where the first of those is who followed the last leader. Who begins elsewhere fetches that by itself.
    const all = [...this.#followers.values()];
    const [first, ...others] = all.some(({ prior }) => prior) ? all.filter(({ prior }) => prior) : all;
    let start = first.at;
    for (const { at } of others) if (isWithin(at, start)) start = at;
    this.#ring = new Ring(start);
    const connection = new Connection(this.#settings, start, this.#outside, {
      take: (event, origin) => this.#step({ event, origin }),
      emit: (event) => this.#emitted(event),
      passed: () => this.#flush(),
      failed: (error, retryIn) => this.#failed(error, retryIn),
    });
    this.#connection = connection;
    connection.page('wake');
  }

  /** @param {Set<string>} wanted */
  #change(wanted) {
    this.#flush();
    this.#replace(wanted);
    // What came so far is not all that they want to have now.
    this.#ring = new Ring(this.#ring.end);
    this.#live = false;
    this.#connection?.page('change');
  }

  /** @param {Set<string>} wanted */
  #replace(wanted) {
    const { topics } = this.#settings;
    topics.clear();
    for (const topic of wanted) topics.add(topic);
    this.#idle = Infinity;
  }

  /** A follower asks: that is also the clock here, as ours may be a hidden tab's. @param {string} from @param {boolean} [nudge] */
  #look(from, nudge) {
    const now = this.#outside.now();
    const connection = this.#connection;
    connection?.tell(nudge ? 'nudge' : 'elapsed');
    this.#post({ to: from, age: now - (connection?.state.heardAt ?? now) });
    const { size } = this.#followers;
    for (const [id, { heard }] of this.#followers) if (now > heard + LAPSE) this.#followers.delete(id);
    if (this.#followers.size < size) this.#post({});
    this.#thin();
  }

  /** Topics that nobody wants any more go, without hurry. */
  #thin() {
    const now = this.#outside.now();
    const wanted = this.#wanted();
    if (wanted.size === 0) {
      this.#connection?.page('end');
      this.#connection = null;
      this.#live = false;
    } else if (wanted.size === this.#settings.topics.size) {
      this.#idle = Infinity;
    } else {
      this.#idle = Math.min(this.#idle, now);
      if (now >= this.#idle + LINGER) this.#change(wanted);
    }
  }

  /** The connection has moved. @param {Pick<import('./member.js').Step, 'event' | 'origin'>} [what] */
  #step(what = {}) {
    const own = this.#connection?.position ?? '';
    const prev = this.#ring.end;
    if (own === prev && !what.event) return;
    if (own[0] !== '#' || (what.event && !what.event.cursor)) {
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

  /** @param {Event} event */
  #emitted(event) {
    if (event.type === 'gap') {
      const { from, to } = /** @type {import('../events.js').GapEvent} */ (event);
      this.#gap = { from, to };
      return;
    }
    this.#live = event.type === 'caughtup';
    this.#flush();
    this.#post({ now: /** @type {'open' | 'caughtup'} */ (event.type), at: this.#ring.end });
  }

  /** @param {import('../errors.js').HeadwaterError} error @param {number | null} retryIn */
  #failed({ kind, message, status, retryAfter }, retryIn) {
    this.#live = false;
    // It may be only one of them whom the server does not want: each sees for itself.
    if (retryIn === null && kind === 'refused') this.#post({ alone: message });
    else this.#post({ error: { kind, message, status, retryAfter }, retryIn });
  }
}
