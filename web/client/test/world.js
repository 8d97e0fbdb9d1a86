// A world for a source: its clock, its network, its luck and its page are the test's.

import { Source } from '@headwater/client';
// Loaded when they are wanted, which would take real time here.
import '../lib/fallback.js';
import '../lib/refusal.js';
import '../lib/store.js';
import '../lib/token.js';

const utf8 = new TextEncoder();

/** Until everything has happened that can without time or the network: both stand still here. */
export const settled = async () => {
  for (let turn = 0; turn < 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A request that the source has sent, and what the test answers. */
class Request {
  constructor(url, init, resolve, reject) {
    this.url = new URL(url);
    this.init = init;
    this.headers = init.headers;
    this.aborted = false;
    this.answer = resolve;
    this.fail = (error = new TypeError('fetch failed')) => reject(error);
    init.signal.addEventListener('abort', () => {
      this.aborted = true;
      reject(init.signal.reason);
      try {
        this.controller?.error(init.signal.reason);
      } catch {
        // It has ended already.
      }
    });
  }

  get cursor() {
    return this.headers.get('Last-Event-ID') ?? this.url.searchParams.get('lastEventID');
  }

  get isPoll() {
    return this.headers.get('Accept') === 'application/json';
  }

  /** Answers with a stream's head. */
  async open(headers = {}, status = 200) {
    const body = new ReadableStream({ start: (controller) => (this.controller = controller), pull: () => (this.pulls += 1) },
      { highWaterMark: 0 });
    this.answer(new Response(body, { status, headers: { 'Content-Type': 'text/event-stream', ...headers } }));
    await settled();
    return this;
  }

  pulls = 0;

  async send(text) {
    this.controller.enqueue(typeof text === 'string' ? utf8.encode(text) : text);
    await settled();
  }

  async end() {
    this.controller.close();
    await settled();
  }

  async break() {
    this.controller.error(new TypeError('terminated', { cause: new Error('other side closed') }));
    await settled();
  }

  /** Answers in one piece. */
  async reply(status, type, body, headers = {}) {
    const init = { status, headers: { ...(type ? { 'Content-Type': type } : {}), ...headers } };
    this.answer(new Response(body, init));
    await settled();
  }

  async json(value) {
    await this.reply(200, 'application/json', JSON.stringify(value));
  }
}

export class World {
  time = 0;
  wallTime = 1_700_000_000_000;
  /** @type {Request[]} */
  requests = [];
  reported = [];
  warned = [];
  stored = new Map();
  held = new Set();
  page = undefined;
  #timers = [];
  lifecycle = null;

  get outside() {
    return {
      fetch: (url, init) => new Promise((resolve, reject) => {
        this.requests.push(new Request(url, init, resolve, reject));
      }),
      base: this.page && `${this.page}/page`,
      page: this.page,
      now: () => this.time,
      wall: () => this.wallTime,
      luck: () => 0,
      setTimer: (run, after) => {
        const timer = { run, at: this.time + after };
        this.#timers.push(timer);
        return timer;
      },
      clearTimer: (timer) => (this.#timers = this.#timers.filter((other) => other !== timer)),
      watch: (tell, until) => {
        this.lifecycle = tell;
        until.addEventListener('abort', () => (this.lifecycle = null));
      },
      report: (error) => this.reported.push(error),
      warn: (text) => this.warned.push(text),
      storage: () => ({
        getItem: (key) => this.stored.get(key) ?? null,
        setItem: (key, value) => this.stored.set(key, value),
      }),
      locks: undefined,
    };
  }

  get last() {
    return this.requests.at(-1);
  }

  /** How many timers have been set that have not run. */
  get waiting() {
    return this.#timers.length;
  }

  /** Goes on by so much, timer by timer. */
  async pass(milliseconds) {
    await settled();
    const end = this.time + milliseconds;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.wallTime += due.at - this.time;
      this.time = Math.max(this.time, due.at);
      due.run();
      await settled();
    }
    this.wallTime += end - this.time;
    this.time = end;
    await settled();
  }

  /** A source, and all that it dispatched, as short texts. */
  async source(url, options, Kind = Source) {
    const source = new Kind(url, options, this.outside);
    const seen = [];
    const note = (text) => seen.push(text);
    source.addEventListener('open', () => note('open'));
    source.addEventListener('message', (event) => note(event.data));
    source.addEventListener('gap', ({ from, to }) => note(`gap ${from} ${to}`));
    source.addEventListener('caughtup', () => note('caughtup'));
    source.addEventListener('comment', ({ data }) => note(`:${data}`));
    source.addEventListener('error', (event) => {
      if ('data' in event) note(event.data);
      else note(`${event.error.kind}${event.status ? ` ${event.status}` : ''} ${event.retryIn}`);
    });
    await settled();
    return { source, seen };
  }
}

export const HUB = 'http://hub.test/.well-known/mercure';

/** An event of a hub, with `include=cursor`. */
export const event = (n, data = String(n), epoch = 'a') => `id: id-${n}\ncursor: ${epoch}-${n}\ndata: ${data}\n\n`;
export const mark = (n, epoch = 'a') => `id: #${epoch}-${n}\ncursor: ${epoch}-${n}\n\n`;
