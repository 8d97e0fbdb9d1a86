// The decoder: bytes in, as they are read; events out, as the HTML standard says (9.2.6).

import { HeadwaterError } from './lib/errors.js';

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
 * What the decoder calls, in the order of the stream. None may throw: the rest of the read would be lost.
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
 * @property {number} event an event's data with the line breaks in it, and its topics and selectors: 16 MiB, since hubs commonly
 *   admit 10 MiB
 * @property {number} id the value of an `id` field: 8 KiB, since it goes back in a header
 */

const LIMITS = { line: 16 << 20, event: 16 << 20, id: 8 << 10 };
/** JavaScript's longest timer. */
const LONGEST_RETRY = 2 ** 31 - 1;

/** Beyond the end of any text, and still a small integer: engines keep `Infinity` another way, which is slower. All ones. */
const NEVER = 2 ** 30 - 1;

const BOM = 0xfeff;
const BOM_BYTES = 3;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

// ASCII takes an eighth of the time outside of `{stream: true}` (in Node 20), and all other text half the time inside. No mark
// is taken away here: that is done once a stream, and these run once a read.
const newText = () => new TextDecoder('utf-8', { ignoreBOM: true });
const forAscii = newText();

/** Of all events that have none, so that nothing is made for them. @type {any} */
const NONE = Object.freeze([]);
/** @returns {DecodedEvent} */
const newEvent = () => ({ type: 'message', data: '', lastEventId: '', cursor: undefined, topics: NONE, selectors: NONE });

/** The stream went past one of the limits; `limit` says which. */
export class DecodeError extends HeadwaterError {
  /**
   * @param {keyof DecoderLimits} limit
   * @param {number} max
   */
  constructor(limit, max) {
    super('limit', `more than ${max} bytes in one ${limit}`);
    this.name = 'DecodeError';
    this.limit = limit;
  }
}

/**
 * A push decoder for one `text/event-stream`. How the reads cut the stream makes no difference, and the time it takes is
 * linear in the bytes. The end of a stream needs no call: the standard discards what is unfinished then.
 */
export class Decoder {
  /**
   * The last event id (HTML standard, 9.2.6): what a client sends when it reconnects, unless it is empty. A block has set it
   * once its blank line was read, also a block without data.
   */
  lastEventId;

  #handlers;
  #limits;
  #forOthers = newText();
  /** The last read was ASCII, so the next one likely is. */
  #ascii = true;
  /** The last read may have ended within a character. */
  #broken = false;
  /** @type {DecodeError | undefined} */
  #error;
  #begun = false;
  /** A CR was the last character: an LF that comes now belongs to it. */
  #afterCr = false;
  /** The line that no read has ended yet, and its length in bytes. */
  #rest = '';
  #restBytes = 0;

  // The block, until its blank line.
  #event = newEvent();
  #hasData = false;
  /** Its data, and its topics and selectors, of which there may be endlessly many, too. */
  #size = 0;
  /** What its blank line makes the last event id. */
  #id;

  /**
   * @param {DecoderHandlers} handlers
   * @param {Partial<DecoderLimits> & { lastEventId?: string }} [options] `lastEventId`: of the stream that this one goes on
   */
  constructor(handlers, { lastEventId = '', ...limits } = {}) {
    this.#handlers = handlers;
    this.#limits = { ...LIMITS, ...limits };
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /**
   * Reads on.
   *
   * @param {Uint8Array} bytes
   * @throws {DecodeError} past one of the limits, once what came before it has been given out; each time from there
   */
  push(bytes) {
    if (this.#error) throw this.#error;
    if (bytes.length === 0) return;
    const whole = !this.#broken;
    this.#broken = bytes[bytes.length - 1] > 0x7f;
    let text = whole && !this.#broken && this.#ascii ? forAscii.decode(bytes) : this.#forOthers.decode(bytes, { stream: true });
    this.#ascii = text.length === bytes.length;
    if (!this.#begun && text !== '') {
      this.#begun = true;
      if (text.charCodeAt(0) === BOM) {
        text = text.slice(1);
        this.#restBytes -= BOM_BYTES;
      }
    }
    /** Each character is one byte. */
    const plain = whole && text.length === bytes.length;
    const measure = plain ? distance : lineMeasure(bytes, text);
    const { line: maxLine, event: maxEvent, id: maxId } = this.#limits;
    // So few characters can break no limit, however many bytes they have.
    const near = Math.min(maxLine, maxEvent) / 3;
    const nearId = Math.min(maxLine, maxId) / 3;
    let from = 0;
    if (this.#afterCr && text !== '') {
      this.#afterCr = false;
      if (text.charCodeAt(0) === LF) from = 1;
    }
    // Each is looked for again only once it is passed, or a text without one of them would be searched at every line.
    let lf = find(text, '\n', from);
    let cr = find(text, '\r', from);
    const hasCr = cr < NEVER;
    // Looked for here once, not in every id. (In text beyond ASCII, engines look for a NUL very slowly.)
    const hasNul = !plain || text.includes('\0');
    for (;;) {
      let end = lf < cr ? lf : cr;
      if (end === NEVER) break;
      if (this.#restBytes !== 0) {
        const line = this.#rest + text.slice(from, end);
        const size = this.#restBytes + measure(from, end);
        this.#rest = '';
        this.#restBytes = 0;
        if (line === '') this.#dispatch();
        else this.#take(line, () => size);
      } else if (end === from) {
        this.#dispatch();
      } else if (end - from <= near && isData(text, from) && (plain || (!this.#hasData && isLast(text, end)))) {
        // Nearly every line is this one, or an id. Taken here they take half the time.
        const value = valueOf(text, from + 5, end);
        this.#add(value, value.length);
        if (isLast(text, end)) {
          end += 1;
          this.#dispatch();
        }
      } else if (end - from <= nearId && !hasNul && isId(text, from)) {
        this.#id = valueOf(text, from + 3, end);
      } else {
        const [start, stop] = [from, end];
        this.#take(text.slice(start, stop), () => measure(start, stop));
      }
      from = end + 1;
      if (end === cr) {
        if (text.charCodeAt(from) === LF) from += 1;
        else if (from === text.length) this.#afterCr = true;
        cr = find(text, '\r', from);
      }
      if (lf < from) lf = find(text, '\n', from);
    }
    // Appending makes no copy: the engine joins the pieces once, when the line is looked at.
    this.#rest += text.slice(from);
    if (from === 0) this.#restBytes += bytes.length;
    else this.#restBytes = bytes.length - 1 - Math.max(bytes.lastIndexOf(LF), hasCr ? bytes.lastIndexOf(CR) : 0);
    if (this.#restBytes > maxLine) this.#fail('line');
  }

  /**
   * @param {string} line
   * @param {() => number} count how many bytes it has
   */
  #take(line, count) {
    const { line: maxLine, id: maxId } = this.#limits;
    // A character has one to three bytes: what is far from a limit need not be counted.
    if (line.length * 3 > maxLine && count() > maxLine) this.#fail('line');
    const colon = line.indexOf(':');
    const value = colon < 0 ? '' : valueOf(line, colon + 1, line.length);
    // What stands before a value is ASCII, in the fields that are counted.
    const size = () => count() - line.length + value.length;
    switch (colon < 0 ? line : line.slice(0, colon)) {
      case '':
        this.#handlers.comment?.(value);
        break;
      case 'data':
        this.#add(value, size());
        break;
      case 'event':
        this.#event.type = value || 'message';
        break;
      case 'id':
        if (value.includes('\0')) break;
        if (value.length * 3 > maxId && size() > maxId) this.#fail('id');
        this.#id = value;
        break;
      case 'retry':
        if (/^\d+$/.test(value)) this.#handlers.retry?.(Math.min(Number(value), LONGEST_RETRY));
        break;
      case 'cursor':
        this.#event.cursor = value;
        break;
      case 'topic':
        this.#event.topics = this.#append(this.#event.topics, value);
        break;
      case 'selector':
        this.#event.selectors = this.#append(this.#event.selectors, value);
        break;
      default:
    }
  }

  /** @param {string} value of a `data` field @param {number} size in bytes */
  #add(value, size) {
    this.#grow(this.#hasData ? size + 1 : size);
    this.#event.data = this.#hasData ? `${this.#event.data}\n${value}` : value;
    this.#hasData = true;
  }

  /** @param {readonly string[]} list @param {string} name */
  #append(list, name) {
    this.#grow(name.length + 1);
    if (list === NONE) return [name];
    /** @type {string[]} */ (list).push(name);
    return list;
  }

  /** @param {number} size in bytes */
  #grow(size) {
    this.#size += size;
    if (this.#size > this.#limits.event) this.#fail('event');
  }

  /** A blank line. */
  #dispatch() {
    const event = this.#event;
    const hasData = this.#hasData;
    this.lastEventId = this.#id;
    event.lastEventId = this.#id;
    this.#event = newEvent();
    this.#hasData = false;
    this.#size = 0;
    if (hasData) this.#handlers.event?.(event);
    else if (event.cursor !== undefined) this.#handlers.mark?.(event.cursor);
  }

  /** @param {keyof DecoderLimits} limit @returns {never} */
  #fail(limit) {
    this.#error = new DecodeError(limit, this.#limits[limit]);
    throw this.#error;
  }
}

/** Where it is next. Of -1 the mask makes `NEVER`. @param {string} text @param {string} what @param {number} from */
const find = (text, what, from) => text.indexOf(what, from) & NEVER;

/**
 * A field's value: what follows its colon, without one leading space. No other space or tab is taken away.
 *
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
const valueOf = (text, start, end) => text.slice(text.charCodeAt(start) === SPACE ? start + 1 : start, end);

/**
 * Whether a line of data begins here. Its characters one by one: `startsWith` is a call.
 *
 * @param {string} text
 * @param {number} from
 */
const isData = (text, from) => text.charCodeAt(from) === 100 && text.charCodeAt(from + 1) === 97 &&
  text.charCodeAt(from + 2) === 116 && text.charCodeAt(from + 3) === 97 && text.charCodeAt(from + 4) === COLON;

/** @param {string} text @param {number} from */
const isId = (text, from) =>
  text.charCodeAt(from) === 105 && text.charCodeAt(from + 1) === 100 && text.charCodeAt(from + 2) === COLON;

/**
 * Whether the line that ends here is the last of its block, for sure.
 *
 * @param {string} text
 * @param {number} end
 */
const isLast = (text, end) => text.charCodeAt(end) === LF && text.charCodeAt(end + 1) === LF;

/** @param {number} code */
const isLineEnd = (code) => code === LF || code === CR;

/** @param {number} from @param {number} end */
const distance = (from, end) => end - from;

/**
 * How many bytes a read's line has, in the order of the lines. Invalid bytes cannot be counted in the text, so the line is looked
 * up in the bytes: line ends are one byte there and one character here, and nothing else holds theirs.
 *
 * @param {Uint8Array} bytes
 * @param {string} text
 */
function lineMeasure(bytes, text) {
  let charAt = 0;
  let byteAt = 0;
  const lineEnd = () => {
    let end = byteAt;
    while (end < bytes.length && !isLineEnd(bytes[end])) end += 1;
    return end;
  };
  return (/** @type {number} */ from) => {
    for (; charAt < from; charAt += 1) if (isLineEnd(text.charCodeAt(charAt))) byteAt = lineEnd() + 1;
    return lineEnd() - byteAt;
  };
}
