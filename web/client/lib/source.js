// The source: what an application holds.

import { Connection } from './connection.js';
import { environment } from './environment.js';
import { GapEvent, ServerEvent, SourceErrorEvent } from './events.js';
import { settle } from './options.js';
import { Target } from './target.js';

/** So many events may wait for a loop before reading stops. What one read brought comes on top. */
const ENOUGH = 64;

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
  /** @type {import('./store.js').Store | void | undefined} */
  #store;
  /** What waits for the loop, if there is one. @type {ServerEvent[] | undefined} */
  #waiting;
  /** It waits for the next event. @type {(() => void) | undefined} */
  #wake;
  /** Reading waits for it. @type {(() => void) | undefined} */
  #makeRoom;
  /** What ended it, if that is to be thrown. @type {unknown} */
  #failure;
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
    const { fetch = outside.fetch, signal } = options;
    this.#outside = { ...outside, fetch };
    this.#settings = settle(url, options, outside);
    this.url = this.#settings.href;
    this.withCredentials = Boolean(options.withCredentials);
    this.#cursor = this.#settings.cursor;
    const abort = () => {
      this.close();
      this.#failure = signal?.reason;
    };
    signal?.addEventListener('abort', abort, { signal: this.#undo.signal });
    if (signal?.aborted) abort();
    // Later: listeners are added after the constructor.
    queueMicrotask(() => this.#start(options));
  }

  /** @param {import('./options.js').SourceOptions} options */
  async #start(options) {
    const { store, share } = options;
    if (store) {
      this.#store = await import('./store.js').then(({ open }) => open(store, this.#outside), this.#outside.warn);
      this.#cursor = this.#store?.cursor || this.#cursor;
    }
    const { Shared } = (share && (await import('../share.js').catch(this.#outside.warn))) || { Shared: Connection };
    if (this.#closed) return;
    /** @type {Connection} */
    const connection = new Shared(this.#settings, this.#cursor, this.#outside, {
      // Nothing follows the end, which a listener may have brought about.
      emit: (type, detail) => this.#closed || this.dispatchEvent(type === 'gap' ? new GapEvent(detail)
        : type === 'comment' ? new MessageEvent(type, { data: detail }) : new Event(type)),
      take: (event) => this.#take(new ServerEvent(event), connection.position),
      passed: () => this.#passed(connection.position),
      failed: (error, retryIn) => {
        if (retryIn === null) this.#finish(/closed|dismissed/.test(error.kind) ? undefined : error);
        this.dispatchEvent(new SourceErrorEvent(error, retryIn));
      },
    }, options);
    this.#connection = connection;
    this.#outside.watch((what) => connection.page(what), this.#undo.signal);
    connection.page('wake');
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

  /**
   * With the option `share`: how the connection is shared. `leader`: this source holds it; `tabs`: how many share it; `age`: how
   * long ago its last byte came, in milliseconds, when that was last told. Null: it is not shared, or not yet. A `sharing` event
   * tells when `leader` or `tabs` has changed.
   *
   * @returns {import('./share/shared.js').Sharing | null}
   */
  get sharing() {
    return /** @type {import('./share/shared.js').Shared | null} */ (this.#connection)?.sharing ?? null;
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
    this.#change('add', topics);
  }

  /**
   * Takes topics away. Without any, there is no connection until one is added.
   *
   * @param {...string} topics
   */
  unsubscribe(...topics) {
    this.#change('delete', topics);
  }

  /** @param {'add' | 'delete'} how @param {string[]} topics */
  #change(how, topics) {
    const { hub, topics: wanted } = this.#settings;
    if (!hub) throw new TypeError('not a hub');
    this.#settings.byTopic = true;
    const { size } = wanted;
    for (const topic of topics) wanted[how](topic);
    if (this.#changing || size === wanted.size) return;
    this.#changing = true;
    // One reconnection, however many calls.
    queueMicrotask(() => {
      this.#changing = false;
      this.#connection?.page('change');
    });
  }

  /** Ends it. No event follows. */
  close() {
    this.#waiting?.splice(0);
    this.#finish();
  }

  /**
   * Each event of any type, for `for await`, of which there can be one. Reading stops while the loop is behind. Leaving the loop
   * closes the source; the loop ends when the source is closed, and throws what ended it otherwise.
   *
   * @returns {AsyncGenerator<ServerEvent, void>}
   */
  [Symbol.asyncIterator]() {
    if (this.#waiting) throw new TypeError('one loop a source');
    return this.#iterate((this.#waiting = []));
  }

  /** @param {ServerEvent[]} waiting @returns {AsyncGenerator<ServerEvent, void>} */
  async *#iterate(waiting) {
    try {
      for (;;) {
        for (let event; (event = waiting.shift()); ) {
          if (waiting.length < ENOUGH) this.#makeRoom?.();
          this.#cursor = event.cursor ?? event.lastEventId;
          yield event;
          // Now the loop has dealt with it.
          this.#store?.write(this.#cursor);
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#closed) return;
        await /** @type {Promise<void>} */ (new Promise((resolve) => (this.#wake = resolve)));
        this.#wake = undefined;
      }
    } finally {
      this.close();
    }
  }

  /** @param {ServerEvent} event @param {string} position */
  #take(event, position) {
    if (this.#closed) return;
    // With a loop, it is the loop that moves on.
    if (!this.#waiting) this.#cursor = position;
    this.dispatchEvent(event);
    this.#waiting?.push(event);
    this.#wake?.();
  }

  /** @param {string} position */
  #passed(position) {
    if (this.#closed) return null;
    const behind = this.#waiting?.length ?? 0;
    if (!this.#waiting || (this.#wake && behind === 0)) {
      this.#cursor = position;
      this.#store?.write(position);
    }
    return behind < ENOUGH ? null : /** @type {Promise<void>} */ (new Promise((resolve) => (this.#makeRoom = resolve)));
  }

  /** @param {unknown} [failure] */
  #finish(failure) {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure = failure;
    this.#undo.abort();
    this.#connection?.page('end');
    this.#wake?.();
  }
}
