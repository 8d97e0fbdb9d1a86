// The one connection for all: for the topics of all, told to all. Who may hold it says a lock of the browser's.

import { Connection } from '../connection.js';
import { build } from '../request.js';
import { ring } from './ring.js';

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

/**
 * Leads, while it has the lock.
 *
 * @param {string} name of the lock
 * @param {import('../connection.js').Settings} shared
 * @param {import('../environment.js').Environment} outside
 * @param {(message: Told) => void} tell
 * @param {(why: string) => void} refused it cannot lead: there is no lock for this page, or the server does not take its token
 */
export function candidate(name, shared, outside, tell, refused) {
  const settings = { ...shared, include: INCLUDE, topics: /** @type {Set<string>} */ (new Set()) };
  /** Empty while it does not lead. */
  let term = '';
  /** Ends the waiting for the lock, or the leading. @type {AbortController | undefined} */
  let standing;
  /** By `from`. @type {Map<number, Asked & { heard: number }>} */
  const followers = new Map();
  /** @type {Connection | undefined} */
  let connection;
  let told = ring('');
  /** @type {import('./member.js').Step[]} */
  let steps = [];
  /** @type {import('./member.js').Step['gap']} */
  let gap;
  let live = false;
  /** @type {unknown} */
  let timer;
  /** Someone was taken for crashed. Who only hung goes on with what this leader told, though it may no longer hold its topics. */
  let lapsed = false;
  /** Since when there is a topic that nobody wants. */
  let idle = Infinity;

  /** Waits to lead; or, when nobody answers who leads, takes the lock. @param {boolean} [steal] */
  function stand(steal) {
    withdraw();
    const { signal } = (standing = new AbortController());
    const lead = () => signal.aborted || new Promise((release) => {
      signal.addEventListener('abort', release);
      begin();
    });
    outside.locks?.request(name, steal ? { steal } : { signal }, lead).catch((error) => {
      // Robbed, or refused; unless it was we who went.
      if (signal.aborted) return;
      if (error.name === 'AbortError') stand();
      else refused(error.message);
    });
  }

  /** Whom it led before has to ask again. */
  function begin() {
    term = String(outside.luck());
    lapsed = false;
    post({ lead: true });
  }

  /** Leads no more, and does not want to. */
  function withdraw() {
    standing?.abort();
    followers.clear();
    rest();
    term = '';
  }

  /** @param {Asked} asked */
  function hear(asked) {
    if (!term) return;
    const { from, turn, nudge } = asked;
    const now = outside.now();
    const { size } = followers;
    const before = followers.get(from);
    if (asked.topics) followers.set(from, { ...asked, heard: now });
    else followers.delete(from);
    for (const [id, { heard }] of followers) if (now > heard + LAPSE) lapsed = followers.delete(id);
    const { topics } = settings;
    const wanted = wish();
    if (build({ ...settings, topics: wanted }, '', '')[0].length > MAX_URL) {
      followers.delete(from);
      post({ turn, alone: 'too many topics' });
    } else if (connection && [...wanted].every((topic) => topics.has(topic))) {
      idle = wanted.size < topics.size ? Math.min(idle, now) : Infinity;
      if (now > idle + LINGER) settle();
      // A hidden tab's timers are late: who asks drives them. A change of topics is taken care of here; any other is one of ours.
      const isOurs = nudge !== 'change' || String(before?.topics) === String(asked.topics);
      connection.tell((isOurs && nudge) || 'elapsed');
      if (asked.topics) answer(asked);
    } else {
      timer ??= outside.setTimer(settle, GATHER);
    }
    if (!followers.size) rest();
    if (followers.size !== size) post();
  }

  /** Nobody is there. */
  function rest() {
    connection?.page('end');
    connection = undefined;
    live = false;
  }

  /** @param {Partial<Told>} [more] */
  function post(more) {
    const { phase, heardAt = 0 } = connection?.state ?? {};
    tell({ ...more, term, tabs: followers.size, at: told.end, open: phase === 'open', live, age: outside.now() - heardAt });
  }

  /** @param {Asked} asked */
  function answer({ turn, at, busy }) {
    post({ turn, steps: busy ? [] : told.after(at) });
  }

  /** The topics of all. */
  function wish() {
    return new Set([...followers.values()].flatMap(({ topics }) => topics));
  }

  /** Takes the topics of all into the connection. */
  function settle() {
    timer = undefined;
    const [first] = followers.values();
    if (!first) return;
    settings.topics = wish();
    // From where the first is: the tab that this one is in. Others fetch by themselves what they miss. And what came so far is
    // not all that they want to have now.
    if (lapsed) begin();
    told = ring(connection ? told.end : first.at[0]);
    live = false;
    connection ??= new Connection(settings, told.end, outside, {
      take: (event) => step({ event }),
      emit,
      passed: flush,
      failed: (error, retryIn) => {
        const { message } = error;
        live = false;
        if (retryIn !== null) {
          post({ error: { ...error, message }, retryIn });
        } else if (error.status === 401 || error.status === 403) {
          // It is our token that is no good. The next one leads with its own.
          withdraw();
          refused(message);
        } else {
          // It may be only one of them whom the server does not want, or whose event is too long: each sees for itself.
          // Who is busy does not hear of it: when it asks, it is tried again.
          rest();
          post({ alone: message });
        }
      },
    });
    connection.page('change');
    for (const follower of followers.values()) answer(follower);
  }

  /** The connection has moved. @param {Pick<import('./member.js').Step, 'event'>} [what] */
  function step(what) {
    const own = connection?.position ?? '';
    const prev = told.end;
    if (own === prev && !what) return;
    if (own[0] !== '#') {
      post({ alone: 'no cursors' });
      return;
    }
    const next = { ...what, prev, own, gap };
    gap = undefined;
    told.push(next);
    steps.push(next);
  }

  /** What one read has brought goes in one message. */
  function flush() {
    step();
    if (steps.length > 0) post({ steps });
    steps = [];
    return null;
  }

  /** @param {string} type @param {import('../connection.js').Between} [between] */
  function emit(type, between) {
    if (between) gap = between;
    else {
      flush();
      live = type === 'caughtup';
      post();
    }
  }

  return { stand, withdraw, hear, get term() { return term; } };
}
