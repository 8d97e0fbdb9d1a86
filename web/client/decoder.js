// The decoder: bytes in, as they are read; events out, as the HTML standard says (9.2.6).

import { join, Text } from './lib/text.js';

/**
 * A dispatched event.
 *
 * @typedef {object} DecodedEvent
 * @property {string} type what `addEventListener` would listen for: `message` when the stream named none
 * @property {string} data the values of the `data` fields, an LF between each two
 * @property {string} lastEventId the last id that the stream has set up to and including this event; empty when none
 * @property {string | undefined} cursor the event's `cursor` field, which hubs add with `include=cursor`
 * @property {readonly string[]} topics the event's `topic` fields, with `include=topic`
 * @property {readonly string[]} selectors the event's `selector` fields, with `include=selector`
 */

/**
 * What the decoder calls, in the order of the stream. An exception that one of these throws goes through `push`.
 *
 * @typedef {object} DecoderHandlers
 * @property {(event: DecodedEvent) => void} [event] an event was dispatched
 * @property {(milliseconds: number) => void} [retry] the reconnection time has changed, as soon as its line is read
 * @property {(text: string) => void} [comment] what follows the colon of a comment, without one leading space
 * @property {(cursor: string) => void} [mark] a block without data had a `cursor`: the stream has come so far
 */

/**
 * How much is held for a sender that is not known, in bytes as they arrived.
 *
 * @typedef {object} DecoderLimits
 * @property {number} line a line of any kind without its line end: 16 MiB, since an event may be one line
 * @property {number} event an event's data with the line breaks in it: 16 MiB, since hubs commonly admit 10 MiB
 * @property {number} id the value of an `id` field: 8 KiB, since it goes back in a header
 */

const LIMITS = Object.freeze({ line: 16 << 20, event: 16 << 20, id: 8 << 10 });
/** JavaScript's longest timer. */
const LONGEST_RETRY = 2 ** 31 - 1;

/** Beyond the end of any text, and still a small integer: engines keep `Infinity` another way, which is slower. */
const NEVER = 2 ** 30 - 1;

const BOM = [0xef, 0xbb, 0xbf];
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

/** @type {readonly string[]} */
const NONE = Object.freeze([]);
/** @type {Uint8Array} */
const NO_BYTES = new Uint8Array(0);

/** The stream went past one of the limits; `limit` says which. */
export class DecodeError extends Error {
  /**
   * @param {keyof DecoderLimits} limit
   * @param {number} max
   */
  constructor(limit, max) {
    super(`the stream has ${limit === 'line' ? 'a line' : `an ${limit}`} of more than ${max} bytes`);
    this.name = 'DecodeError';
    this.limit = limit;
    this.max = max;
  }
}

/**
 * A push decoder for `text/event-stream`. How the reads cut the stream makes no difference, and the time it takes is linear
 * in the bytes. There is no call for the end of a stream, since the standard discards what is unfinished then: see `reset`.
 */
export class Decoder {
  #handlers;
  #limits;
  #text = new Text();
  /** @type {DecodeError | null} */
  #error = null;

  /**
   * The first bytes of a stream, as long as they may become a byte order mark; null once that is decided.
   *
   * @type {Uint8Array | null}
   */
  #mark = NO_BYTES;
  /** A CR was the last character: an LF that comes now belongs to it. */
  #cr = false;
  /** The line that no read has ended yet, and its length in bytes. */
  #rest = '';
  #restBytes = 0;

  // The block, until its blank line.
  #type = '';
  #data = '';
  #hasData = false;
  #dataBytes = 0;
  /** @type {string | null} */
  #id = null;
  /** @type {string | undefined} */
  #cursor;
  #topics = NONE;
  #selectors = NONE;
  #fieldsLength = 0;
  /** The block has more than an id and a line of data. */
  #more = false;

  // How the present read's text and bytes belong together, for the limits.
  #bytes = NO_BYTES;
  #chars = '';
  /** Each character is one byte. */
  #plain = true;
  /** There are CRs; there may be NULs. */
  #crs = false;
  #nul = false;
  /** Up to here lines have been counted, in both. */
  #charAt = 0;
  #byteAt = 0;

  /**
   * The last event id (HTML standard, 9.2.6): what a client sends when it reconnects, unless it is empty. A block has set it
   * once its blank line was read, also a block without data.
   */
  lastEventId = '';

  /**
   * @param {DecoderHandlers} handlers
   * @param {Partial<DecoderLimits> & { lastEventId?: string }} [options] `lastEventId`: of the stream that this one goes on
   */
  constructor(handlers, { lastEventId = '', ...limits } = {}) {
    this.#handlers = handlers;
    this.#limits = { ...LIMITS, ...limits };
    this.lastEventId = lastEventId;
  }

  /** For the new stream after a reconnection: forgets what is unfinished, and an error; keeps the last event id. */
  reset() {
    this.#text.reset();
    this.#error = null;
    this.#mark = NO_BYTES;
    this.#cr = false;
    this.#rest = '';
    this.#restBytes = 0;
    this.#clear();
  }

  /**
   * Reads on.
   *
   * @param {Uint8Array} bytes
   * @throws {DecodeError} past one of the limits, once what came before it has been given out; again until `reset`
   */
  push(bytes) {
    if (this.#error) throw this.#error;
    if (this.#mark) bytes = this.#skipMark(this.#mark, bytes);
    if (bytes.length === 0) return;
    const whole = this.#text.held.length === 0;
    const text = this.#text.decode(bytes);
    this.#bytes = bytes;
    this.#chars = text;
    this.#plain = whole && text.length === bytes.length;
    this.#charAt = 0;
    this.#byteAt = 0;
    this.#lines(text);
    this.#bytes = NO_BYTES;
    this.#chars = '';
  }

  /** @param {Uint8Array} mark @param {Uint8Array} bytes */
  #skipMark(mark, bytes) {
    const start = mark.length > 0 ? join(mark, bytes) : bytes;
    const matching = BOM.findIndex((byte, index) => start[index] !== byte);
    if (matching >= 0 && matching === start.length) {
      this.#mark = start.slice();
      return NO_BYTES;
    }
    this.#mark = null;
    return matching < 0 ? start.subarray(BOM.length) : start;
  }

  /** @param {string} text */
  #lines(text) {
    let from = 0;
    if (this.#cr && text !== '') {
      this.#cr = false;
      if (text.charCodeAt(0) === LF) from = 1;
    }
    // Each is looked for again only once it is passed, or a text without one of them would be searched at every line.
    let lf = find(text, '\n', from);
    let cr = find(text, '\r', from);
    let end = lf < cr ? lf : cr;
    this.#crs = cr < NEVER;
    // Looked for here once, not in every id. (In text beyond ASCII, engines look for a NUL very slowly.)
    this.#nul = !this.#plain || text.includes('\0');

    if (this.#restBytes > 0 && end < NEVER) {
      const line = this.#rest + text.slice(from, end);
      const bytes = this.#restBytes + this.#measure(from, end);
      this.#rest = '';
      this.#restBytes = 0;
      this.#line(line, 0, line.length, bytes);
      from = end + 1;
      if (end === cr) {
        if (text.charCodeAt(from) === LF) from += 1;
        else if (from === text.length) this.#cr = true;
        cr = find(text, '\r', from);
      }
      if (lf < from) lf = find(text, '\n', from);
      end = lf < cr ? lf : cr;
    }
    // Nearly every line is data, far from the limits. Taken here, without a call, it takes half the time. A character has
    // one to three bytes: what is so short need not be counted.
    const near = (this.#plain ? 1 : 1 / 3) * Math.min(this.#limits.line, this.#limits.event);
    while (end < NEVER) {
      if (end === from) {
        this.#dispatch();
      } else if (end - from <= near && isData(text, from) && (this.#plain || (!this.#hasData && isLast(text, end)))) {
        const value = valueOf(text, from + 5, end);
        this.#dataBytes += value.length;
        if (this.#hasData) {
          this.#dataBytes += 1;
          if (this.#dataBytes > this.#limits.event) this.#fail('event');
          this.#data += `\n${value}`;
        } else {
          this.#data = value;
          this.#hasData = true;
        }
        if (isLast(text, end)) {
          end += 1;
          this.#dispatch();
        }
      } else {
        this.#line(text, from, end, -1);
      }
      from = end + 1;
      if (end === cr) {
        if (text.charCodeAt(from) === LF) from += 1;
        else if (from === text.length) this.#cr = true;
        cr = find(text, '\r', from);
      }
      if (lf < from) lf = find(text, '\n', from);
      end = lf < cr ? lf : cr;
    }
    // Appending makes no copy: the engine joins the pieces once, when the line is looked at.
    if (from === 0) {
      this.#rest += text;
      this.#restBytes += this.#bytes.length;
    } else {
      this.#rest = text.slice(from);
      this.#restBytes = this.#plain ? text.length - from
        : this.#bytes.length - 1 - Math.max(this.#bytes.lastIndexOf(LF), this.#crs ? this.#bytes.lastIndexOf(CR) : 0);
    }
    if (this.#restBytes > this.#limits.line) this.#fail('line');
  }

  /**
   * @param {string} text
   * @param {number} from
   * @param {number} end
   * @param {number} bytes how long the line is; -1: it is all of this read, so that can be found out
   */
  #line(text, from, end, bytes) {
    // A character has one to three bytes: what is far from a limit need not be counted.
    if (bytes < 0 ? (end - from) * 3 > this.#limits.line && this.#measure(from, end) > this.#limits.line
      : bytes > this.#limits.line) this.#fail('line');
    const first = text.charCodeAt(from);
    if (isData(text, from)) {
      this.#takeData(text, from, from + 5, end, bytes);
    } else if (first === 105 && text.charCodeAt(from + 1) === 100 && text.charCodeAt(from + 2) === COLON) {
      this.#takeId(text, from, from + 3, end, bytes);
    } else if (first === COLON) {
      this.#handlers.comment?.(valueOf(text, from + 1, end));
    } else {
      // Cut out first: a search for the colon must not run through all the lines behind.
      const line = text.slice(from, end);
      const colon = line.indexOf(':');
      if (colon < 0) this.#field(line, '');
      else this.#field(line.slice(0, colon), valueOf(line, colon + 1, line.length));
    }
  }

  /** @param {string} name @param {string} value */
  #field(name, value) {
    this.#more = true;
    switch (name) {
      case 'event':
        this.#type = value;
        break;
      case 'retry':
        if (/^[0-9]+$/.test(value)) this.#handlers.retry?.(Math.min(Number(value), LONGEST_RETRY));
        break;
      case 'cursor':
        this.#cursor = value;
        break;
      case 'topic':
        this.#topics = this.#append(this.#topics, value);
        break;
      case 'selector':
        this.#selectors = this.#append(this.#selectors, value);
        break;
      // These two come here without their colons only.
      case 'data':
        this.#takeData('', 0, 0, 0, 0);
        break;
      case 'id':
        this.#id = '';
        break;
      default:
    }
  }

  /**
   * @param {string} text
   * @param {number} from
   * @param {number} start
   * @param {number} end
   * @param {number} bytes
   */
  #takeId(text, from, start, end, bytes) {
    const value = valueOf(text, start, end);
    if ((this.#nul || bytes >= 0) && value.includes('\0')) return;
    if (value.length * 3 > this.#limits.id) {
      const size = this.#size(from, end - value.length, end, bytes);
      if (size > this.#limits.id) this.#fail('id');
    }
    this.#id = value;
  }

  /**
   * @param {string} text
   * @param {number} from
   * @param {number} start
   * @param {number} end
   * @param {number} bytes
   */
  #takeData(text, from, start, end, bytes) {
    const value = valueOf(text, start, end);
    this.#dataBytes += this.#size(from, end - value.length, end, bytes) + (this.#hasData ? 1 : 0);
    if (this.#dataBytes > this.#limits.event) this.#fail('event');
    this.#data = this.#hasData ? `${this.#data}\n${value}` : value;
    this.#hasData = true;
  }

  /** @param {readonly string[]} list @param {string} value */
  #append(list, value) {
    this.#fieldsLength += value.length + 1;
    // They are no data, but as little may there be endlessly many of them.
    if (this.#fieldsLength > this.#limits.event) this.#fail('event');
    if (list === NONE) return [value];
    /** @type {string[]} */ (list).push(value);
    return list;
  }

  /** A blank line. */
  #dispatch() {
    if (this.#id !== null) this.lastEventId = this.#id;
    if (this.#hasData) {
      const event = {
        type: this.#type || 'message',
        data: this.#data,
        lastEventId: this.lastEventId,
        cursor: this.#cursor,
        topics: this.#topics,
        selectors: this.#selectors,
      };
      this.#clear();
      this.#handlers.event?.(event);
    } else {
      const cursor = this.#cursor;
      this.#clear();
      if (cursor !== undefined) this.#handlers.mark?.(cursor);
    }
  }

  #clear() {
    this.#data = '';
    this.#hasData = false;
    this.#dataBytes = 0;
    this.#id = null;
    // Most blocks have none of these.
    if (this.#more) {
      this.#more = false;
      this.#type = '';
      this.#cursor = undefined;
      this.#topics = NONE;
      this.#selectors = NONE;
      this.#fieldsLength = 0;
    }
  }

  /**
   * How many bytes the value from `start` has, in the line from `from`: what stands before a known field's value is ASCII.
   *
   * @param {number} from
   * @param {number} start
   * @param {number} end
   * @param {number} bytes
   */
  #size(from, start, end, bytes) {
    return bytes < 0 && this.#plain ? end - start : (bytes < 0 ? this.#measure(from, end) : bytes) - (start - from);
  }

  /**
   * How many bytes this read's line from `from` to `end` has. Invalid bytes cannot be counted in the text, so the line is
   * looked up in the bytes: line ends are one byte there and one character here, and nothing else holds theirs.
   *
   * @param {number} from
   * @param {number} end
   */
  #measure(from, end) {
    if (this.#plain) return end - from;
    const bytes = this.#bytes;
    for (; this.#charAt < from; this.#charAt += 1) {
      if (isLineEnd(this.#chars.charCodeAt(this.#charAt))) {
        while (!isLineEnd(bytes[this.#byteAt])) this.#byteAt += 1;
        this.#byteAt += 1;
      }
    }
    let until = this.#byteAt;
    if (this.#crs) while (until < bytes.length && !isLineEnd(bytes[until])) until += 1;
    else until = bytes.indexOf(LF, until);
    if (until < 0) until = bytes.length;
    return until - this.#byteAt;
  }

  /** @param {keyof DecoderLimits} limit @returns {never} */
  #fail(limit) {
    this.#error = new DecodeError(limit, this.#limits[limit]);
    throw this.#error;
  }
}

/** @param {string} text @param {string} what @param {number} from */
function find(text, what, from) {
  const at = text.indexOf(what, from);
  return at < 0 ? NEVER : at;
}

/**
 * A field's value: what follows its colon, without one leading space. No other space or tab is taken away.
 *
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
function valueOf(text, start, end) {
  return text.slice(start < end && text.charCodeAt(start) === SPACE ? start + 1 : start, end);
}

/**
 * Whether a line of data begins here. Its characters one by one: `startsWith` is a call.
 *
 * @param {string} text
 * @param {number} from
 */
const isData = (text, from) => text.charCodeAt(from) === 100 && text.charCodeAt(from + 1) === 97 &&
  text.charCodeAt(from + 2) === 116 && text.charCodeAt(from + 3) === 97 && text.charCodeAt(from + 4) === COLON;

/**
 * Whether the line that ends here is the last of its block, for sure.
 *
 * @param {string} text
 * @param {number} end
 */
const isLast = (text, end) => text.charCodeAt(end) === LF && text.charCodeAt(end + 1) === LF;

/** @param {number} code */
const isLineEnd = (code) => code === LF || code === CR;
