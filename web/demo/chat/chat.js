// One person in the chat: reads all rooms by one stream, writes by a token of their own. Knows nothing of the page.

import { Source } from '/client/index.js';
import { publish } from '/client/publish.js';
import { HUB, tokenOf } from '../shared/demo.js';
import { Outbox } from './outbox.js';
import { MESSAGES, messageTopic, parseTopics, ROOMS, typingIn, typingTopic } from './topics.js';
import { Typists } from './typists.js';

/** So many messages of a room are held: a page that is open all year must not grow. */
const KEPT = 500;
export const LONGEST_TEXT = 1_000;
/** Tokens hold two minutes: for who writes often, one is used again for a while. */
const TOKEN_MS = 90_000;
/** A hint that takes longer says nothing any more. */
const HINT_MS = 1_000;

/**
 * @typedef {object} Message
 * @property {string} key the same for what was published twice
 * @property {string} user
 * @property {string} text
 * @property {number} time
 * @property {boolean} gap stands for messages that the hub no longer holds
 */

/** Dispatches `change`, whatever it was: those who look draw once a frame. */
export class Chat extends EventTarget {
  source;
  outbox;
  typists = new Typists(() => this.#changed());
  /** What is new in each room since it was last open. @type {Map<string, number>} */
  unread = new Map(ROOMS.map((room) => [room, 0]));
  /** All that was said before is here. */
  ready = false;
  /** The stream is up. */
  online = false;
  /** What comes is from this moment, not from history. */
  #live = false;
  /** @type {Map<string, Message[]>} */
  #messages = new Map(ROOMS.map((room) => [room, []]));
  #seen = new Set();
  #name;
  #room;
  #token;
  #fetch;
  /** The last hint that one types. @type {Promise<unknown>} */
  #hint = Promise.resolve();

  /**
   * @param {object} who
   * @param {string} who.name
   * @param {string} who.room that is open at first
   * @param {import('./shelf.js').Shelf} who.unsent where messages are kept until they are sent
   * @param {typeof fetch} who.fetch
   */
  constructor({ name, room, unsent, fetch }) {
    super();
    this.#name = name;
    this.#room = room;
    this.#fetch = fetch;
    this.#token = kept(tokenOf(name));
    this.outbox = new Outbox(unsent, (draft) => this.#send(draft));
    this.outbox.addEventListener('change', () => this.#changed());
    this.source = new Source(HUB, { topics: [MESSAGES, typingIn(room)], include: ['topic'], cursor: 'earliest', fetch });
    this.source.addEventListener('open', () => this.#is(true));
    this.source.addEventListener('error', () => this.#is(false));
    this.source.addEventListener('caughtup', () => {
      this.#live = true;
      this.ready = true;
      this.#changed();
    });
    this.source.addEventListener('gap', () => {
      for (const one of ROOMS) this.#keep(one, { key: '', user: '', text: '', time: 0, gap: true });
    });
    this.source.addEventListener('message', (event) => this.#take(event));
  }

  get name() {
    return this.#name;
  }

  get room() {
    return this.#room;
  }

  /** Of the room that is open. @returns {readonly Message[]} */
  get messages() {
    return this.#messages.get(this.#room);
  }

  /** Opens another room. @param {string} room */
  enter(room) {
    if (room === this.#room) return;
    // The stream is the same, with one topic changed: nothing of the others is lost meanwhile.
    this.source.subscribe(typingIn(room));
    this.source.unsubscribe(typingIn(this.#room));
    this.#room = room;
    this.unread.set(room, 0);
    this.typists.clear();
    this.#changed();
  }

  /** Goes on as somebody else. @param {string} name @throws {Error} the server gives no token for such a name */
  async rename(name) {
    const token = kept(tokenOf(name));
    await token({});
    this.#token = token;
    this.#name = name;
    this.typists.clear();
    this.#changed();
  }

  /** @param {string} text @returns {boolean} false: too much waits to be sent already */
  say(text) {
    this.typists.said();
    return this.outbox.add({ user: this.#name, room: this.#room, text });
  }

  /** Call at each key: how often the others are told is not the caller's business. */
  type() {
    if (!this.#live || !this.online || !this.typists.shouldTell()) return;
    // A hint that is late is worse than none: it is not tried again, and nobody is told that it failed. Messages wait for it.
    const signal = AbortSignal.timeout(HINT_MS);
    const hint = { topic: typingTopic(this.#room, this.#name), data: {}, token: this.#token, attempts: 1, signal, fetch: this.#fetch };
    this.#hint = publish(HUB, hint).catch(() => {});
  }

  close() {
    this.source.close();
    this.outbox.online = false;
    this.typists.clear();
  }

  /** @param {import('./outbox.js').Draft} draft */
  async #send({ nonce, user, room, text, time }) {
    // A hint that comes after its message would say that one types the next.
    await this.#hint;
    await publish(HUB, {
      topic: messageTopic(room, user),
      data: { text, time, nonce },
      // Who has changed their name since, wrote this under the old one.
      token: user === this.#name ? this.#token : tokenOf(user),
      // The same after a reload: the hub publishes it once, however often it is sent.
      idempotencyKey: nonce,
      fetch: this.#fetch,
    });
  }

  /** @param {boolean} online */
  #is(online) {
    this.online = online;
    // Until `caughtup`, what comes is what was missed.
    this.#live = false;
    this.outbox.online = online;
  }

  /** @param {import('/client/index.js').ServerEvent} event */
  #take(event) {
    const from = parseTopics(event.topics);
    if (from?.kind === 'typing') {
      if (this.#live && from.room === this.#room && from.user !== this.#name) this.typists.typed(from.user);
    } else if (from) {
      const message = parse(event, from.user);
      if (!message) return;
      this.outbox.arrived(from.user, message.key);
      this.typists.ended(from.user);
      this.#keep(from.room, message);
    }
  }

  /** @param {string} room @param {Message} message */
  #keep(room, message) {
    const key = `${message.user} ${message.key}`;
    if (!message.gap && this.#seen.has(key)) return;
    this.#seen.add(key);
    const messages = this.#messages.get(room);
    messages.push(message);
    if (messages.length > KEPT) {
      const first = messages.shift();
      this.#seen.delete(`${first.user} ${first.key}`);
    }
    if (this.ready && !message.gap && room !== this.#room && message.user !== this.#name) {
      this.unread.set(room, this.unread.get(room) + 1);
    }
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/**
 * @param {import('/client/index.js').ServerEvent} event
 * @param {string} user
 * @returns {Message | null} null: whoever published that, it is no message
 */
function parse(event, user) {
  try {
    const { text, time, nonce } = event.json();
    if (typeof text !== 'string' || text.trim() === '') return null;
    return {
      key: typeof nonce === 'string' ? nonce : event.lastEventId,
      user,
      text: text.slice(0, LONGEST_TEXT),
      // A writer's clock may be wrong, but nobody has written tomorrow.
      time: Number.isFinite(time) ? Math.min(time, Date.now()) : Date.now(),
      gap: false,
    };
  } catch {
    return null;
  }
}

/**
 * A token function that does not ask each time.
 *
 * @param {() => Promise<string>} ask
 */
function kept(ask) {
  /** @type {Promise<string> | null} */
  let token = null;
  let until = 0;
  return ({ refused = false } = {}) => {
    if (refused || !token || Date.now() > until) {
      until = Date.now() + TOKEN_MS;
      token = ask();
      token.catch(() => (token = null));
    }
    return token;
  };
}
