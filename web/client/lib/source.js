// The source: what an application holds.

import { Connection } from './connection.js';
import { environment } from './environment.js';
import { ServerEvent, SourceErrorEvent } from './events.js';
import { settle } from './options.js';
import { Queue } from './queue.js';
import { Target } from './target.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/**
 * Events from a server, as the browser's `EventSource` gives them, and more: see the package's README.
 *
 * Dispatches `open`, `message` and the server's own types (`ServerEvent`), `error` (`SourceErrorEvent`), `gap` (`GapEvent`),
 * `caughtup` when all that was published before has come, and `comment` (`MessageEvent`) on request.
 */
export class Source extends Target {
  static CONNECTING = CONNECTING;
  static OPEN = OPEN;
  static CLOSED = CLOSED;
  CONNECTING = CONNECTING;
  OPEN = OPEN;
  CLOSED = CLOSED;

  /** @type {((event: Event) => unknown) | null} */
  onopen = null;
  /** @type {((event: ServerEvent) => unknown) | null} */
  onmessage = null;
  /** @type {((event: SourceErrorEvent) => unknown) | null} */
  onerror = null;
  /** @type {((event: import('./events.js').GapEvent) => unknown) | null} */
  ongap = null;
  /** @type {((event: Event) => unknown) | null} */
  oncaughtup = null;
  /** @type {((event: MessageEvent<string>) => unknown) | null} */
  oncomment = null;

  /** The URL, in full. */
  url;
  /** Whether cookies go to another origin. */
  withCredentials;

  #settings;
  #outside;
  /** @type {Connection | null} */
  #connection = null;
  #closed = false;
  #cursor;
  #written = '';
  /** @type {import('./store.js').Store | null} */
  #store = null;
  /** @type {Set<Queue<ServerEvent>>} */
  #loops = new Set();
  #makeRoom = () => {};
  #changing = false;
  /** Takes away what others hold of this. */
  #undo = new AbortController();

  /**
   * Starts to connect.
   *
   * @param {string | URL} url
   * @param {import('./options.js').SourceOptions} [options]
   * @param {import('./environment.js').Environment} [outside] for tests: the network, the clock, the page
   * @throws {DOMException} a `SyntaxError`: the URL is none
   */
  constructor(url, options = {}, outside = environment()) {
    super(outside.report);
    const { fetch = outside.fetch, signal, cursor = '', store } = options;
    this.#outside = { ...outside, fetch };
    this.#settings = settle(url, options, outside);
    this.url = this.#settings.fixed.url.href;
    this.withCredentials = this.#settings.fixed.withCredentials;
    this.#cursor = cursor;
    const abort = () => this.#finish(true, signal?.reason);
    signal?.addEventListener('abort', abort, { signal: this.#undo.signal });
    if (signal?.aborted) abort();
    // Later: listeners are added after the constructor.
    queueMicrotask(() => this.#start(store));
  }

  /** @param {string | undefined} store */
  async #start(store) {
    if (store !== undefined) {
      const { Store } = await import('./store.js');
      this.#store = new Store(store, this.#outside);
      this.#cursor = (await this.#store.open()) || this.#cursor;
    }
    if (this.#closed) return;
    const connection = new Connection(this.#settings, this.#cursor, this.#outside, {
      emit: (event) => this.dispatchEvent(event),
      take: (event, origin) => this.#take(new ServerEvent(event, origin)),
      passed: () => this.#passed(),
      room: () => this.#room(),
      failed: (error, retryIn) => {
        const ended = error.kind === 'closed' || error.kind === 'dismissed';
        if (retryIn === null) this.#finish(!ended, error);
        this.dispatchEvent(new SourceErrorEvent(error, retryIn));
      },
    });
    this.#connection = connection;
    this.#outside.watch((what) => connection.page(what), this.#undo.signal);
    connection.page('start');
  }

  get readyState() {
    if (this.#closed) return CLOSED;
    return this.#connection?.state.phase === 'open' ? OPEN : CONNECTING;
  }

  /**
   * Where the application is in the stream: after the event that it was given last, also while a listener looks at it. Keep it
   * with what you made of the events, and give it as the option `cursor` to go on from there. Empty: nowhere yet.
   */
  get cursor() {
    return this.#cursor;
  }

  /** What is subscribed to. */
  get topics() {
    return [...this.#settings.topics];
  }

  /**
   * Adds topics, or selectors of topics. Nothing of the others is lost or doubled meanwhile.
   *
   * @param {...string} topics
   */
  subscribe(...topics) {
    this.#change((wanted) => topics.forEach((topic) => wanted.add(topic)));
  }

  /**
   * Takes topics away. Without any, there is no connection until one is added.
   *
   * @param {...string} topics
   */
  unsubscribe(...topics) {
    this.#change((wanted) => topics.forEach((topic) => wanted.delete(topic)));
  }

  /** @param {(topics: Set<string>) => void} edit */
  #change(edit) {
    const { fixed, topics } = this.#settings;
    if (!fixed.hub) throw new TypeError('only a hub has topics: see the option `hub`');
    const before = this.topics.join('\n');
    edit(topics);
    if (this.#changing || before === this.topics.join('\n')) return;
    this.#changing = true;
    // One reconnection, however many calls.
    queueMicrotask(() => {
      this.#changing = false;
      this.#connection?.page('change');
    });
  }

  /** Ends it. No event follows. */
  close() {
    this.#finish(false);
  }

  /**
   * Each event of any type, for `for await`. Reading stops while the loop is behind. Leaving the loop closes the source; the
   * loop ends when the source is closed, and throws what ended it otherwise.
   *
   * @returns {AsyncIterator<ServerEvent, undefined>}
   */
  [Symbol.asyncIterator]() {
    /** @type {Queue<ServerEvent>} */
    const loop = new Queue({
      asked: () => this.#write(),
      room: () => this.#makeRoom(),
      taken: (event) => (this.#cursor = event.cursor ?? event.lastEventId),
      left: () => this.close(),
    });
    if (this.#closed) loop.end(false);
    this.#loops.add(loop);
    return loop;
  }

  /** @param {ServerEvent} event */
  #take(event) {
    // With a loop, it is the loop that moves on.
    if (this.#loops.size === 0) this.#cursor = this.#connection?.position ?? '';
    this.dispatchEvent(event);
    for (const loop of this.#loops) loop.push(event);
  }

  #passed() {
    if ([...this.#loops].some((loop) => loop.busy)) return;
    this.#cursor = this.#connection?.position ?? '';
    this.#write();
  }

  #write() {
    if (this.#cursor !== this.#written) this.#store?.write(this.#cursor);
    this.#written = this.#cursor;
  }

  /** @returns {Promise<void> | null} */
  #room() {
    if (![...this.#loops].some((loop) => loop.full)) return null;
    return new Promise((resolve) => {
      this.#makeRoom = () => this.#room() ?? resolve();
    });
  }

  /** @param {boolean} failed @param {unknown} [error] */
  #finish(failed, error) {
    if (this.#closed) return;
    this.#closed = true;
    this.#undo.abort();
    this.#connection?.page('end');
    for (const loop of this.#loops) loop.end(failed, error);
    this.#makeRoom();
  }
}
