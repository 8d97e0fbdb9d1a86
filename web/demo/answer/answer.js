// One answer, word by word. What there is of it is in the hub's history, so the page needs to know its topic and nothing else:
// after a reload it reads from the start, and then goes on.

import { Source } from '/client/index.js';
import { HUB } from '../shared/demo.js';

/** Words come twelve a second. When none has come for so long, nobody writes any more. */
const STALLED_MS = 5_000;
/** After a replay that brought nothing: the answer may have been begun a moment ago. */
const GONE_MS = 1_000;

/**
 * Dispatches `piece`, a `CustomEvent` whose detail is `{ text, old }`, and `change` when the state or a count is another one.
 *
 * - `waiting`: not a word yet
 * - `writing`: words come
 * - `cut`: the connection broke, and is made again
 * - `stopped`: nobody reads it here, on request; `go` goes on where that was
 * - `done`: it is complete
 * - `stalled`: the stream is there, and nothing comes
 * - `gone`: the hub holds nothing of it
 * - `failed`: the stream has ended for good
 */
export class Answer extends EventTarget {
  topic;
  /** @type {'waiting' | 'writing' | 'cut' | 'stopped' | 'done' | 'stalled' | 'gone' | 'failed'} */
  state = 'waiting';
  /** Why it was cut, or failed. */
  why = '';
  words = 0;
  /** Words that did not come, by the numbers that they carry. */
  missing = 0;
  /** How often the stream was opened again. */
  reconnected = 0;
  #cursor = 'earliest';
  #fetch;
  /** What comes is news. Until a page that was loaded has caught up, it is what was there before. */
  live;
  /** @type {Source | null} */
  #source = null;
  #timer = 0;

  /**
   * @param {string} topic
   * @param {{ fetch: typeof fetch, asked?: boolean }} options `asked`: just now, so there need not be anything yet
   */
  constructor(topic, { fetch, asked = false }) {
    super();
    this.topic = topic;
    this.#fetch = fetch;
    this.live = asked;
  }

  /** It is being read. */
  get isOpen() {
    return ['waiting', 'writing', 'cut', 'stalled'].includes(this.state);
  }

  /** Reads until it is complete, or until `stop`. */
  go() {
    const source = new Source(HUB, { topics: [this.topic], cursor: this.#cursor, fetch: this.#fetch });
    this.#source = source;
    let opened = 0;
    source.addEventListener('open', () => {
      opened += 1;
      if (opened > 1) this.reconnected += 1;
      this.#expect(STALLED_MS);
      this.#is(this.words > 0 ? 'writing' : 'waiting');
    });
    source.addEventListener('caughtup', () => {
      if (this.words === 0 && !this.live) this.#expect(GONE_MS);
      this.live = true;
      this.#is(this.state);
    });
    source.addEventListener('message', (event) => this.#add(event));
    source.addEventListener('done', () => this.#end('done'));
    source.addEventListener('error', ({ message, retryIn }) => {
      clearTimeout(this.#timer);
      this.why = message;
      if (retryIn === null) this.#end('failed');
      else this.#is('cut');
    });
  }

  /** Reads no further. It goes on being written all the same: `go` finds all of it. */
  stop() {
    if (this.isOpen) this.#end('stopped');
  }

  /** @param {import('/client/index.js').ServerEvent} event */
  #add(event) {
    const { index, text } = parse(event);
    // A word that has been here, or that is none: others may publish, too.
    if (typeof text !== 'string' || !(index >= this.words + this.missing)) return;
    this.missing = index - this.words;
    this.words += 1;
    this.#expect(STALLED_MS);
    this.dispatchEvent(new CustomEvent('piece', { detail: { text, old: !this.live } }));
    this.#is('writing');
  }

  /** The next word is due. @param {number} within */
  #expect(within) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.words > 0) this.#is('stalled');
      else this.#end('gone');
    }, within);
  }

  /** @param {Answer['state']} state */
  #end(state) {
    clearTimeout(this.#timer);
    this.#cursor = this.#source?.cursor ?? this.#cursor;
    this.#source?.close();
    this.#source = null;
    this.#is(state);
  }

  /** @param {Answer['state']} state */
  #is(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {import('/client/index.js').ServerEvent} event @returns {{ index?: any, text?: unknown }} */
function parse(event) {
  try {
    return event.json() ?? {};
  } catch {
    return {};
  }
}
