// A browser and a hub for many tabs, with a clock, a network and chance of the test's own. What a tab is given from outside
// (timers, messages, bytes, locks) waits while it is frozen or hangs, and is gone with it.

import { setMaxListeners } from 'node:events';
import { Source } from '@headwater/client';
import '@headwater/client/share';
// Loaded when they are wanted, which would take real time here.
import '../lib/fallback.js';
import '../lib/refusal.js';
import '../lib/token.js';

const HEARTBEAT = 15_000;
/** Of a long poll. */
const PAGE = 50;
const utf8 = new TextEncoder();

/** Numbers from a seed (mulberry32). */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All that happens, in the order of its time. */
export class Clock {
  now = 0;
  #queue = [];
  #count = 0;

  /** @returns {object} for `clear` */
  at(time, run) {
    const entry = { time: Math.max(time, this.now), count: (this.#count += 1), run };
    let index = this.#queue.length;
    while (index > 0 && this.#queue[index - 1].time > entry.time) index -= 1;
    this.#queue.splice(index, 0, entry);
    return entry;
  }

  clear(entry) {
    const index = this.#queue.indexOf(entry);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  async pass(milliseconds) {
    const end = this.now + milliseconds;
    await settled();
    while (this.#queue.length > 0 && this.#queue[0].time <= end) {
      const { time, run } = this.#queue.shift();
      this.now = time;
      run();
      await settled();
    }
    this.now = end;
  }
}

/** Until everything has happened that can without time: promises and streams. */
async function settled() {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The Web Locks of one origin. */
class Locks {
  #held = new Map();
  #queues = new Map();

  /** @param {Tab} tab */
  of(tab) {
    return { request: (name, options, callback) => this.#request(tab, name, options, callback) };
  }

  holder(name) {
    return this.#held.get(name)?.tab;
  }

  names() {
    return [...this.#held.keys()];
  }

  #request(tab, name, { signal, steal }, callback) {
    return new Promise((resolve, reject) => {
      const settle = (run) => (value) => tab.gate(() => run(value));
      const request = { tab, callback, resolve: settle(resolve), reject: settle(reject) };
      if (steal) {
        this.#held.get(name)?.reject(new DOMException('stolen', 'AbortError'));
        this.#grant(name, request);
        return;
      }
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      queue.push(request);
      signal?.addEventListener('abort', () => {
        if (!queue.includes(request)) return;
        queue.splice(queue.indexOf(request), 1);
        reject(signal.reason);
      });
      this.#next(name);
    });
  }

  #next(name) {
    if (this.#held.has(name)) return;
    const request = this.#queues.get(name)?.shift();
    if (request) this.#grant(name, request);
  }

  #grant(name, request) {
    this.#held.set(name, request);
    request.tab.gate(async () => {
      const result = await request.callback({ name });
      if (this.#held.get(name) === request) this.#release(name);
      request.resolve(result);
    });
  }

  #release(name) {
    this.#held.delete(name);
    this.#next(name);
  }

  /** Someone else takes it, for a moment. */
  rob(name) {
    this.#held.get(name)?.reject(new DOMException('stolen', 'AbortError'));
    this.#release(name);
  }

  /** The tab is gone. */
  drop(tab) {
    for (const queue of this.#queues.values()) {
      for (let index = queue.length; (index -= 1) >= 0; ) if (queue[index].tab === tab) queue.splice(index, 1);
    }
    for (const [name, request] of [...this.#held]) if (request.tab === tab) this.#release(name);
  }
}

/** The BroadcastChannels of one origin: in order from each sender to each receiver, with a delay. */
class Channels {
  #open = new Set();
  #clock;
  #luck;
  /** How many answers and broadcasts had events with them. */
  steps = 0;

  constructor(clock, luck) {
    this.#clock = clock;
    this.#luck = luck;
  }

  /** @param {Tab} tab */
  open(tab, name) {
    const last = new Map();
    const channel = {
      name,
      tab,
      onmessage: null,
      postMessage: (message) => {
        if (!this.#open.has(channel)) throw new DOMException('closed', 'InvalidStateError');
        if (message.steps?.length > 0) this.steps += 1;
        const data = structuredClone(message);
        for (const other of this.#open) {
          if (other === channel || other.name !== name) continue;
          const time = Math.max(this.#clock.now + this.#luck() * 10, last.get(other) ?? 0);
          last.set(other, time);
          this.#clock.at(time, () => other.tab.gate(() => {
            if (this.#open.has(other)) other.onmessage?.({ data });
          }));
        }
      },
      close: () => this.#open.delete(channel),
    };
    this.#open.add(channel);
    return channel;
  }

  drop(tab) {
    for (const channel of this.#open) if (channel.tab === tab) this.#open.delete(channel);
  }
}

/** A hub that holds everything. A selector is a topic or `*`. */
export class Hub {
  epoch = 'a';
  /** As { offset, cursor, topics }, in order. */
  events = [];
  requests = [];
  /** Streams and polls are refused. */
  down = false;
  /** Streams that open get not a byte through. */
  swallows = false;
  /** The status with which a request is refused; 0: it is not. */
  refuse = () => 0;
  /** What came before is no longer held. */
  earliest = 0;
  #streams = new Set();
  /** What polls wait for. */
  #polls = new Set();
  #clock;
  #luck;

  constructor(clock, luck) {
    this.#clock = clock;
    this.#luck = luck;
    const beat = () => {
      clock.at(clock.now + HEARTBEAT, beat);
      this.beat();
    };
    beat();
  }

  get head() {
    return this.events.length;
  }

  get streams() {
    return this.#streams.size;
  }

  publish(...topics) {
    const offset = this.events.length + 1;
    this.events.push({ offset, topics, cursor: `${this.epoch}-${offset}`, time: this.#clock.now });
    for (const stream of this.#streams) this.#write(stream, this.#text(stream, this.events.at(-1)));
    for (const answer of this.#polls) answer();
  }

  /** Every stream breaks. */
  cut() {
    for (const stream of this.#streams) stream.end(new TypeError('terminated'));
  }

  /** A new numbering begins; offsets go on. */
  restart() {
    this.cut();
    this.epoch = String.fromCharCode(this.epoch.charCodeAt(0) + 1);
  }

  /** Comments, and how far it has come. */
  beat() {
    for (const stream of this.#streams) this.#write(stream, `:\n${this.#mark()}`);
  }

  #mark(cursor = `${this.epoch}-${this.head}`) {
    return `id: #${cursor}\ncursor: ${cursor}\n\n`;
  }

  #matched({ topics }, event) {
    return topics.filter((selector) => selector === '*' || event.topics.includes(selector));
  }

  #text(stream, event) {
    const selectors = this.#matched(stream, event);
    if (selectors.length === 0) return '';
    return `id: #${event.cursor}\ncursor: ${event.cursor}\n${selectors.map((one) => `selector: ${one}\n`).join('')}data: ${event.offset}\n\n`;
  }

  #write(stream, text) {
    if (text === '' || stream.isHeld) return;
    stream.time = Math.max(stream.time, this.#clock.now + this.#luck() * 5);
    this.#clock.at(stream.time, () => stream.tab.gate(() => stream.bytes(text)));
  }

  #offset(asked) {
    if (asked === '') return this.head;
    return Math.max(this.earliest, asked === 'earliest' ? 0 : Number(asked.slice(asked.lastIndexOf('-') + 1)));
  }

  /** What was lost between what is asked for and what is held. */
  #gap(asked, from) {
    const lost = asked.startsWith('#') && Number(asked.slice(asked.lastIndexOf('-') + 1)) < from;
    return lost ? { from: asked, to: `#${this.epoch}-${from + 1}`, cursor: `${this.epoch}-${from}` } : null;
  }

  #poll(stream, asked, timeout, resolve) {
    const from = this.#offset(asked);
    const gap = this.#gap(asked, from);
    const answer = (really) => {
      const updates = this.events.slice(from).filter((event) => this.#matched(stream, event).length > 0).slice(0, PAGE);
      if (updates.length === 0 && !really) return;
      this.#polls.delete(answer);
      const more = updates.length === PAGE;
      const last = more ? updates.at(-1).cursor : `${this.epoch}-${this.head}`;
      const body = JSON.stringify({ lastEventID: `#${last}`, more, gap, updates: updates.map((event) => (
        { id: `#${event.cursor}`, cursor: event.cursor, data: String(event.offset), selectors: this.#matched(stream, event) })) });
      stream.tab.gate(() => {
        stream.tab.lines.delete(stream);
        resolve(new Response(body, { headers: { 'Content-Type': 'application/json' } }));
      });
    };
    this.#polls.add(answer);
    answer(timeout === 0);
    if (timeout > 0) this.#clock.at(this.#clock.now + timeout * 1_000, () => this.#polls.has(answer) && answer(true));
  }

  /** What a browser's `fetch` does for this tab. */
  fetch(tab, address, { headers, signal }) {
    const url = new URL(address);
    const poll = headers.get('Accept') === 'application/json';
    this.requests.push({ tab, poll, url, headers });
    const topics = url.searchParams.getAll('topic');
    const asked = headers.get('Last-Event-ID') ?? url.searchParams.get('lastEventID') ?? '';
    return new Promise((resolve, reject) => {
      let controller = null;
      const stream = {
        tab,
        topics,
        time: this.#clock.now,
        bytes: (text) => controller?.enqueue(utf8.encode(text)),
        end: (why) => {
          this.#streams.delete(stream);
          tab.lines.delete(stream);
          tab.gate(() => {
            reject(why);
            controller?.error(why);
            controller = null;
          });
        },
      };
      tab.lines.add(stream);
      // Polls share one.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', () => {
        if (tab.lines.has(stream)) stream.end(signal.reason);
      });
      if (signal.aborted) stream.end(signal.reason);
      this.#clock.at(this.#clock.now + 1 + this.#luck() * 30, () => {
        if (!tab.lines.has(stream)) return;
        if (this.down) {
          stream.end(new TypeError('fetch failed'));
          return;
        }
        const status = this.refuse({ url, headers });
        if (status > 0) {
          tab.gate(() => resolve(new Response('', { status })));
          return;
        }
        if (poll) {
          this.#poll(stream, asked, Number(url.searchParams.get('timeout')), resolve);
          return;
        }
        const from = this.#offset(asked);
        const replay = this.events.slice(from);
        const gap = this.#gap(asked, from);
        const first = asked === 'earliest' ? `${this.epoch}-0` : asked.slice(1) || undefined;
        let text = `:\n${this.#mark(first)}`;
        if (gap) text += `event: headwater:gap\ncursor: ${gap.cursor}\ndata: ${JSON.stringify(gap)}\n\n`;
        for (const event of replay) text += this.#text(stream, event);
        if (asked !== '') text += this.#mark();
        stream.isHeld = this.swallows;
        this.#streams.add(stream);
        tab.gate(() => {
          const body = new ReadableStream({ start: (own) => (controller = own) });
          resolve(new Response(body, { headers: { 'Content-Type': 'text/event-stream', 'Headwater-Heartbeat': '15' } }));
        });
        this.#write(stream, text);
      });
    });
  }
}

/** One page: what comes in from outside passes its gate. */
class Tab {
  /** Requests under way. */
  lines = new Set();
  /** What waits for the thaw; null: it runs. @type {(() => void)[] | null} */
  #held = null;
  gone = false;
  hidden = false;
  #world;
  #tell = () => {};
  /** How many timers in a row led to the code that runs now. */
  #chain = 0;
  warned = [];

  constructor(world, luck) {
    this.#world = world;
    this.luck = luck;
  }

  get running() {
    return !this.gone && this.#held === null;
  }

  gate(run) {
    if (this.gone) return;
    if (this.#held) this.#held.push(run);
    else run();
  }

  get outside() {
    const { clock, locks, channels, hub } = this.#world;
    return {
      fetch: (url, init) => hub.fetch(this, url, init),
      base: 'http://page.test/',
      page: 'http://page.test',
      now: () => clock.now,
      wall: () => 1_700_000_000_000 + clock.now,
      luck: this.luck,
      // A hidden tab's timers run once a second; once a minute those that timers set which timers set, and so on.
      setTimer: (run, after) => {
        const chain = this.#chain + 1;
        const grain = this.hidden ? (chain > 5 ? 60_000 : 1_000) : 1;
        const timer = clock.at(Math.ceil((clock.now + after) / grain) * grain, () => this.gate(() => {
          if (timer.isCleared) return;
          this.#chain = chain;
          run();
          this.#chain = 0;
        }));
        return timer;
      },
      // Also one that was due while the tab hung, and waits to run.
      clearTimer: (timer) => {
        if (!timer) return;
        timer.isCleared = true;
        clock.clear(timer);
      },
      watch: (tell) => (this.#tell = tell),
      report: (error) => {
        throw error;
      },
      warn: (text) => this.warned.push(text),
      locks: locks.of(this),
      channel: (name) => channels.open(this, name),
    };
  }

  /** @param {'nudge' | 'sleep' | 'wake'} what */
  life(what) {
    this.#tell(what);
  }

  /** No code runs any more. */
  stop() {
    this.#held ??= [];
  }

  /** It goes on, with what has waited. */
  go() {
    const held = this.#held ?? [];
    this.#held = null;
    for (const run of held) this.gate(run);
  }

  /** The process is gone. */
  crash() {
    this.gone = true;
    for (const line of this.lines) line.end(new Error('gone'));
    this.#world.channels.drop(this);
    this.#world.locks.drop(this);
  }
}

export class World {
  clock = new Clock();
  locks = new Locks();
  channels;
  hub;
  luck;

  constructor(seed) {
    this.luck = chance(seed);
    this.hub = new Hub(this.clock, this.luck);
    this.channels = new Channels(this.clock, this.luck);
  }

  page() {
    return new Tab(this, this.luck);
  }

  /** A tab with one source. */
  open({ url = 'http://hub.test/', ...options } = {}) {
    const tab = this.page();
    tab.source = new Source(url, { share: true, ...options }, tab.outside);
    return tab;
  }

  pass(milliseconds) {
    return this.clock.pass(milliseconds);
  }
}
