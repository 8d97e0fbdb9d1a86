// A connection that is shared by all tabs, in the place of one's own: the locks, channels and timers around the decisions of
// `member.js`.

import { Connection } from '../connection.js';
import { HeadwaterError } from '../errors.js';
import { GapEvent } from '../events.js';
import { Candidate, locksOf } from './candidate.js';
import { Member } from './member.js';

/** Tabs with different versions of this library do not share: they might not understand each other. */
export const VERSION = '0.1.0';
/** What has been said on the console; once is enough. @type {Set<string>} */
const said = new Set();

/** @typedef {{ leader: boolean, tabs: number, age: number }} Sharing */

/** Without cookies: who they belong to cannot be seen, and may differ from tab to tab. @param {import('../connection.js').Settings} settings */
export const anonymous = (settings) => ({ ...settings, init: { ...settings.init, credentials: /** @type {const} */ ('omit') } });

/** In a worker, too. @param {string} name @param {import('../environment.js').Environment} outside */
export const open = (name, { channel = (/** @type {string} */ text) => new BroadcastChannel(text) }) => channel(name);

export class Shared {
  /** @type {Sharing | null} */
  sharing = null;
  #settings;
  #outside;
  #receiver;
  #worker;
  #isAnonymous;
  /** What must be the same for all who share. */
  #options;
  #name;
  #id;
  #member;
  #candidate;
  /** @type {'connecting' | 'open' | 'waiting'} */
  #phase = 'connecting';
  /** There while it takes part. @type {Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'> | null} */
  #channel = null;
  /** @type {MessagePort | undefined} */
  #port;
  /** Fetches what the leader no longer holds. @type {Connection | null} */
  #poll = null;
  /** In the place of all this. @type {Connection | null} */
  #plain = null;
  #asleep = false;
  /** It has not been told that all that was published before has come. */
  #due = true;
  /** @type {unknown} */
  #timer;
  #timerAt = Infinity;

  /**
   * @param {import('../connection.js').Settings} settings
   * @param {string} position
   * @param {import('../environment.js').Environment} outside
   * @param {import('../connection.js').Receiver} receiver
   * @param {import('../options.js').SourceOptions} options
   */
  constructor(settings, position, outside, receiver, options) {
    const { share } = options;
    const { identity, worker } = typeof share === 'object' ? share : { identity: typeof share === 'string' ? share : undefined };
    this.#isAnonymous = identity === undefined && !options.token && !options.withCredentials;
    this.#settings = this.#isAnonymous ? anonymous(settings) : settings;
    this.#outside = outside;
    this.#receiver = receiver;
    this.#worker = worker;
    const { signal, fetch, share: _, headers, body, store, cursor, include, topics, token, ...rest } = options;
    this.#options = rest;
    const address = new URL(settings.url);
    address.searchParams.delete('topic');
    this.#name = `headwater:${JSON.stringify([VERSION, address, identity, Object.entries(rest).sort()])}`;
    this.#id = String(outside.luck()).slice(2);
    this.#member = new Member(position, outside.luck());
    const tell = (/** @type {import('./leader.js').Told} */ message) => {
      this.#channel?.postMessage(message);
      queueMicrotask(() => this.#hear(message));
    };
    this.#candidate = new Candidate(this.#name, this.#settings, outside, tell, (why) => this.#unshare(why));
    const obstacle = obstacleOf(options, settings.hub, identity, outside);
    if (obstacle) this.#unshare(obstacle);
  }

  get position() {
    return (this.#plain ?? this.#member).position;
  }

  get state() {
    return this.#plain?.state ?? { phase: this.#phase };
  }

  /** @param {import('../environment.js').Lifecycle | 'change' | 'end'} what */
  page(what) {
    if (this.#plain) {
      this.#plain.page(what);
      return;
    }
    if (what === 'sleep' || what === 'end') this.#asleep = true;
    if (what === 'wake') this.#asleep = false;
    if (this.#asleep || this.#settings.topics.size === 0) this.#leave();
    else if (!this.#channel) this.#enter();
    else if (what === 'nudge' || what === 'change') {
      this.#due ||= what === 'change';
      this.#tell(what);
      this.#poll?.page(what);
    }
  }

  #enter() {
    this.#channel = open(this.#name, this.#outside);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    if (!this.#hire()) this.#candidate.stand();
    this.#due = true;
    this.#tell('start');
  }

  /** Closes all: a page in the back-forward cache that kept its lock would lead, and not be there. */
  #leave() {
    this.#say({ bye: true });
    this.#channel?.close();
    this.#channel = null;
    this.#port?.close();
    this.#candidate.withdraw();
    this.#poll?.page('end');
    this.#poll = null;
    this.#phase = 'connecting';
    this.sharing = null;
    this.#tell('sleep');
  }

  /** A SharedWorker leads, if there can be one. A function stays in its tab, and with it who asks it for tokens. */
  #hire() {
    const { url, token } = this.#settings;
    if (this.#worker === undefined || typeof token === 'function' || typeof SharedWorker === 'undefined') return false;
    const stand = () => this.#channel && this.#candidate.stand();
    const worker = new SharedWorker(this.#worker, { type: 'module', name: `headwater ${VERSION}` });
    worker.onerror = stand;
    worker.port.onmessage = stand;
    this.#port = worker.port;
    const task = { version: VERSION, name: this.#name, url: url.href, options: { ...this.#options, token } };
    worker.port.postMessage({ ...task, isAnonymous: this.#isAnonymous });
    return true;
  }

  /** From now on by itself. @param {unknown} why */
  #unshare(why) {
    if (this.#plain) return;
    const text = `Headwater does not share the connection to ${this.#settings.url.origin} among tabs: ${why}`;
    if (!said.has(text)) this.#outside.warn(text);
    said.add(text);
    const taking = this.#channel !== null;
    this.#leave();
    this.#plain = new Connection(this.#settings, this.#member.position, this.#outside, this.#receiver);
    if (!taking) return;
    this.#receiver.emit(new Event('sharing'));
    this.#plain.page('wake');
  }

  /** @param {import('./member.js').Happening} what @param {import('./member.js').Given} [given] */
  #tell(what, given) {
    const { now } = this.#outside;
    const effect = this.#member.on(what, now(), given);
    const { position, reach, prior, turn, until } = this.#member;
    if (effect === 'join') this.#say({ join: { topics: [...this.#settings.topics], at: position, prior, turn } });
    else if (effect === 'tail') this.#say({ tail: [position, reach] });
    else if (effect === 'ping') this.#say({ ping: true, nudge: what === 'nudge' });
    else if (effect === 'steal') this.#candidate.stand(true);
    else if (effect === 'poll') this.#catchUp();
    if (until < this.#timerAt || until === Infinity) {
      this.#outside.clearTimer(this.#timer);
      this.#timerAt = until;
      if (until === Infinity) return;
      this.#timer = this.#outside.setTimer(() => {
        this.#timerAt = Infinity;
        this.#tell('elapsed');
      }, until - now());
    }
  }

  /** @param {Omit<import('./leader.js').Said, 'from'>} what */
  #say(what) {
    const message = { ...what, from: this.#id, term: this.#member.term };
    this.#channel?.postMessage(message);
    // A channel does not tell whom it belongs to, and it is we who may lead.
    queueMicrotask(() => this.#candidate.leader?.hear(message));
  }

  /** @param {import('./leader.js').Said | import('./leader.js').Told} message */
  #hear(message) {
    if (!this.#channel) return;
    if ('from' in message) {
      this.#candidate.leader?.hear(message);
      return;
    }
    const { to, term, tabs, lead, ack, tail, age, steps, now, at, error, retryIn = null, alone } = message;
    const member = this.#member;
    if (to !== undefined && to !== this.#id) return;
    if (lead && term !== member.term) {
      this.#phase = 'connecting';
      this.#due = true;
      this.#tell('lead', { term });
    }
    if (ack) this.#tell('ack', { ...ack, term });
    if (alone !== undefined && (to || term === member.term)) this.#unshare(alone);
    // Not ours, or not yet: what it says may be of other topics.
    if (term !== member.term || !this.#channel) return;
    this.#tell('heard');
    this.#share(term === this.#candidate.leader?.term, tabs, age);
    if (ack && ack.phase === 'open' && member.mode !== 'fresh') this.#opened();
    if (tail) {
      this.#tell('tail', { at: tail.at, held: tail.steps !== null });
      if (tail.steps) this.#take(tail.steps);
      // It does not lead on from where we are: nothing of it can be placed.
      if (tail.steps && member.mode === 'behind') this.#tell('tail', { at: tail.at, held: false });
    }
    if (steps && this.#take(steps)) this.#tell('missed');
    if (now === 'open' && member.mode !== 'fresh') this.#opened();
    if (now === 'caughtup') this.#tell('caughtup', { at });
    if (now === 'caughtup' || ack?.live || tail?.live) this.#caughtUp();
    if (error && this.#channel) {
      this.#phase = 'waiting';
      this.#due = true;
      this.#receiver.failed(new HeadwaterError(error.kind, error.message, error), retryIn);
    }
  }

  /** @param {boolean} leader @param {number} tabs @param {number} [age] */
  #share(leader, tabs, age) {
    const before = this.sharing;
    this.sharing = { leader, tabs, age: age ?? before?.age ?? 0 };
    if (before?.leader !== leader || before.tabs !== tabs) this.#emit(new Event('sharing'));
  }

  /** Nothing follows the end. @param {Event} event */
  #emit(event) {
    if (this.#channel) this.#receiver.emit(event);
  }

  #opened() {
    if (this.#phase === 'open') return;
    this.#phase = 'open';
    this.#emit(new Event('open'));
  }

  #caughtUp() {
    if (!this.#due || this.#member.mode !== 'live') return;
    this.#due = false;
    this.#opened();
    this.#emit(new Event('caughtup'));
  }

  /** @param {import('./member.js').Step[]} steps @returns {boolean} something is missing, as we see now */
  #take(steps) {
    const member = this.#member;
    const { topics } = this.#settings;
    if (member.mode !== 'live') return false;
    for (const step of steps) {
      const { gap, event, origin = '' } = step;
      if (!member.accept(step)) continue;
      if (gap) this.#emit(new GapEvent(gap));
      const selectors = event?.selectors.filter((selector) => topics.has(selector));
      if (event && selectors?.length && this.#channel) this.#receiver.take({ ...event, selectors }, origin);
    }
    if (!this.#channel) return false;
    const room = this.#receiver.passed();
    if (/** @type {string} */ (member.mode) === 'behind') return !room || this.#wait(room);
    if (room) this.#wait(room);
    return false;
  }

  /** Nothing is held for an application that is slow: it is fetched when there is room. @param {Promise<void>} room */
  #wait(room) {
    this.#tell('full');
    room.then(() => this.#tell('room'));
    return false;
  }

  /** The leader no longer holds what is missing. */
  async #catchUp() {
    const loaded = await import('../fallback.js').catch(() => null);
    if (this.#member.mode !== 'polling' || this.#poll) return;
    if (!loaded) {
      this.#unshare('a part of the library cannot be loaded');
      return;
    }
    const settings = { ...this.#settings, fallback: false };
    const poll = new Connection(settings, this.#member.position, this.#outside, {
      take: (event, origin) => {
        if (this.#member.move(event.cursor ?? '')) this.#receiver.take(event, origin);
      },
      emit: (event) => {
        if (event.type === 'open') this.#opened();
        else if (event.type === 'gap') this.#receiver.emit(event);
        else done();
      },
      passed: () => {
        this.#member.move(poll.position);
        return this.#receiver.passed();
      },
      failed: (error, retryIn) => this.#receiver.failed(error, retryIn),
    });
    const done = () => {
      this.#member.move(poll.position);
      poll.page('end');
      this.#poll = null;
      const room = this.#receiver.passed();
      this.#tell('polled');
      if (room) this.#wait(room);
    };
    poll.fallback = loaded.fallback(poll);
    poll.polling = true;
    this.#poll = poll;
    poll.page('wake');
  }
}

/**
 * Why it cannot be shared.
 *
 * @param {import('../options.js').SourceOptions} options
 * @param {boolean} hub
 * @param {string | undefined} identity
 * @param {import('../environment.js').Environment} outside
 */
function obstacleOf({ method = 'GET', body, headers, comments, fetch, token, withCredentials }, hub, identity, outside) {
  if (!hub) return 'it is no hub';
  if (method !== 'GET' || body || headers || comments || fetch) return 'its request is its own';
  if (identity === undefined && (token || withCredentials)) return 'whose it is cannot be seen; give `share` an identity';
  if (!locksOf(outside)) return 'the page has no Web Locks, as on plain http://';
  return '';
}
