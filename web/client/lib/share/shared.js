// A connection that is shared by all tabs, in the place of one's own: the channel and the timer around the decisions of
// `member.js`. What it inherits serves where nothing can be shared.

import { Connection } from '../connection.js';
import { HeadwaterError } from '../errors.js';
import { fallback } from '../fallback.js';
import { candidate, INCLUDE } from './leader.js';
import { judge, member } from './member.js';

/** Tabs with different versions of this library do not share: they might not understand each other. */
export const VERSION = 'headwater 0.1.0';
/** What has been said on the console; once is enough. @type {Set<string>} */
const said = new Set();

/** @typedef {{ leader: boolean, tabs: number, age: number }} Sharing */

/** In a worker, too. @param {string} name @param {import('../environment.js').Environment} outside */
export const open = (name, { channel = (/** @type {string} */ text) => new BroadcastChannel(text) }) => channel(name);

export class Shared extends Connection {
  /** @type {Sharing | null} */
  sharing = null;
  /** What a SharedWorker is to lead. */
  #task;
  #worker;
  #id;
  #member;
  #leader;
  /** The leader that acknowledged our topics, and from whom we take what it tells; empty: none. */
  #term = '';
  /** There while it takes part. @type {Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'> | undefined} */
  #channel;
  /** What it waits for before it takes more: it catches up, or the application is slow. @type {unknown} */
  #busy;
  /** What it catches up with. @type {Connection | undefined} */
  #poller;
  /** It has a connection of its own. @type {boolean | undefined} */
  #isAlone;
  /** That all that was published before has come is to be told. */
  #isDue = false;
  /** How far the leader had come when we caught up without it, in its own words. */
  #reach = '';

  /**
   * @param {import('../connection.js').Settings} settings
   * @param {string} position
   * @param {import('../environment.js').Environment} outside
   * @param {import('../connection.js').Receiver} receiver
   * @param {import('../options.js').SourceOptions} options
   */
  constructor(settings, position, outside, receiver, options) {
    super(settings, position, outside, receiver);
    const { signal, share, store, cursor, include, topics, token, ...rest } = options;
    const { identity = typeof share === 'string' ? share : undefined, worker = '' } = Object(share);
    const { init } = settings;
    // Who cookies belong to cannot be seen, and may change from tab to tab.
    const isAnonymous = identity === undefined && !token && !options.withCredentials;
    if (isAnonymous) init.credentials = 'omit';
    const url = new URL(settings.url);
    url.searchParams.delete('topic');
    const name = JSON.stringify([VERSION, url, identity, Object.entries(rest).sort()]);
    this.#task = { name, options: { ...rest, token } };
    // A function stays in its tab.
    this.#worker = typeof token === 'function' ? '' : worker;
    this.#id = outside.luck();
    this.#member = member(this.#id);
    this.#leader = candidate(name, settings, outside, (told) => this.#send(told), (why) => this.#unshare(why));
    if (!settings.hub || init.method !== 'GET' || options.headers || options.comments || options.fetch) {
      this.#unshare('no plain request to a hub');
    } else if (identity === undefined && !isAnonymous) {
      this.#unshare('no identity');
    } else if (!outside.locks) {
      this.#unshare('no Web Locks');
    }
  }

  /** @param {import('../state.js').Happening} what @param {import('../state.js').Given} [given] */
  tell(what, given) {
    if (this.#isAlone) super.tell(what, given);
    else if (/sleep|end/.test(what)) this.#leave(what);
    else if (this.state.phase === 'idle') this.#enter();
    else if (what === 'elapsed') this.#act(what);
    else if (this.#poller) this.#poller.tell(what);
    else {
      if (what === 'change') this.#lose();
      this.#act('ask', what);
    }
  }

  #enter() {
    this.#lose();
    try {
      this.#channel = open(this.#task.name, this.outside);
      this.#channel.onmessage = ({ data }) => this.#hear(data);
      if (this.#worker && globalThis.SharedWorker) {
        new SharedWorker(this.#worker, { type: 'module', name: VERSION }).port.postMessage(this.#task);
      } else {
        this.#leader.stand();
      }
      this.#act('ask');
    } catch (error) {
      // A worker of another origin, say.
      this.#unshare(/** @type {Error} */ (error).message);
    }
  }

  /**
   * Closes all: a page in the back-forward cache that kept its lock would lead, and not be there.
   *
   * @param {import('../state.js').Happening} what
   */
  #leave(what) {
    this.#send({ from: this.#id });
    this.#channel?.close();
    this.#channel = undefined;
    this.#leader.withdraw();
    this.#goOn();
    this.#lose();
    this.#reach = '';
    this.sharing = null;
    super.tell(what);
  }

  /** From now on by itself. @param {string} why */
  #unshare(why) {
    const text = `Headwater shares no connection to ${this.settings.url.origin}: ${why}`;
    if (!said.has(text)) this.outside.warn(text);
    said.add(text);
    const wasAwake = this.state.phase !== 'idle';
    this.#leave('sleep');
    this.#isAlone = true;
    this.receiver.emit('sharing');
    if (wasAwake) this.tell('wake');
  }

  /** Without a channel it sleeps. @param {'ask' | 'answer' | 'heard' | 'elapsed' | 'sleep'} what @param {string} [nudge] */
  #act(what, nudge) {
    const effect = this.#member.on(this.#channel ? what : 'sleep', this.outside.now());
    const { turn, until } = this.#member;
    if (effect === 'steal') this.#leader.stand(true);
    if (effect === 'ask') {
      const { position, settings: { topics } } = this;
      this.#send({ from: this.#id, turn, topics: [...topics], at: [position, this.#reach], busy: !!this.#busy, nudge });
    }
    this.tellAt(until);
  }

  /** A channel does not tell whom it belongs to, and it may be we who lead. @param {any} message */
  #send(message) {
    this.#channel?.postMessage(message);
    queueMicrotask(() => this.#hear(message));
  }

  /** Nobody leads whom we know. */
  #lose() {
    this.#term = '';
    if (!this.#poller) this.state.phase = 'connecting';
  }

  /** @param {import('./leader.js').Told & import('./leader.js').Asked} message */
  #hear(message) {
    const { from, term, turn, lead, alone } = message;
    if (!this.#channel) return;
    if (from) {
      this.#leader.hear(message);
    } else if (lead) {
      this.#lose();
      this.#act('ask');
    } else if (turn ? turn === this.#member.turn : term === this.#term) {
      if (alone) this.#unshare(alone);
      else this.#follow(message);
    }
  }

  /** @param {import('./leader.js').Told} message the answer, or what all are told by the leader that answered */
  #follow({ turn, term, steps, tabs, age, at, open: isOpen, live, error, retryIn = null }) {
    this.#act(turn ? 'answer' : 'heard');
    if (this.#busy) return;
    this.#term = term;
    const before = this.sharing;
    const leader = term === this.#leader.term;
    this.sharing = { leader, tabs, age };
    if (before?.leader !== leader || before.tabs !== tabs) this.receiver.emit('sharing');
    if (error) {
      this.state.phase = 'connecting';
      this.receiver.failed(new HeadwaterError(error.kind, error.message, error), retryIn);
    }
    // Without a position of its own it takes nothing old.
    if (this.position === '') {
      if (!live) return;
      this.move(at);
      this.receiver.passed();
    }
    if (isOpen) this.#open();
    // A listener may have ended it: then it catches up no more.
    if (steps) this.#take(steps, this.#channel && turn && at);
    if (live && this.#isDue && this.#term !== '') {
      this.#isDue = false;
      this.receiver.emit('caughtup');
    }
  }

  #open() {
    if (this.state.phase === 'open') return;
    this.state.phase = 'open';
    this.#isDue = true;
    this.receiver.emit('open');
  }

  /** @param {import('./member.js').Step[]} steps @param {string | 0} [at] they are an answer: the leader has nothing else */
  #take(steps, at) {
    const { topics } = this.settings;
    for (const step of steps) {
      const { own, gap, event } = step;
      const is = judge(step, this.position);
      if (is === 'astray') {
        this.#term = '';
        if (at) this.#catchUp(at);
        else this.#act('ask');
        break;
      }
      if (is === 'old' || !this.move(own)) continue;
      if (gap) this.receiver.emit('gap', gap);
      if (!event) continue;
      const selectors = event.selectors.filter((selector) => topics.has(selector));
      if (selectors.length > 0) this.receiver.take({ ...event, selectors });
    }
    const room = this.receiver.passed();
    if (!room || this.#busy) return;
    // Nothing is held for an application that is slow: it is fetched when there is room.
    this.#busy = room;
    this.#term = '';
    // It may have gone to sleep meanwhile, and catch up now.
    room.then(() => this.#busy === room && this.#goOn());
  }

  /** The leader no longer holds what is missing. @param {string} at */
  #catchUp(at) {
    this.#reach = at;
    const { position, outside, receiver } = this;
    // Its state is its own: while it gets through, this is as open as before.
    const poller = new Connection({ ...this.settings, include: INCLUDE, fallback: false }, position, outside, {
      take: (event) => this.move(poller.position) && receiver.take(event),
      emit: (type, detail) => {
        if (type === 'open') this.#open();
        else if (type !== 'caughtup') receiver.emit(type, detail);
        else {
          this.move(poller.position);
          this.#goOn();
        }
      },
      passed: () => {
        this.move(poller.position);
        return receiver.passed();
      },
      failed: (error, retryIn) => {
        this.state.phase = 'connecting';
        receiver.failed(error, retryIn);
      },
    });
    this.#busy = this.#poller = poller;
    poller.fallback = fallback(poller);
    poller.page('wake');
  }

  /** It waits for nothing any more. Asleep it does not ask. */
  #goOn() {
    this.#poller?.page('end');
    this.#poller = this.#busy = undefined;
    this.#act('ask');
  }
}
