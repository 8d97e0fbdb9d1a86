// Carries out what the state machine decides: the request, the reading, the one timer.

import { DecodeError, Decoder } from '../decoder.js';
import { HeadwaterError, mediaType, wrongType } from './errors.js';
import { GapEvent } from './events.js';
import { cursorId, Seen } from './position.js';
import { binary, build } from './request.js';
import { State } from './state.js';

const EVENT_STREAM = 'text/event-stream';
/** The type of the event by which a hub tells of a gap, to those who ask with `include=gap`. */
const GAP = 'headwater:gap';
/** On top of two heartbeats: a network may be slow. */
const SLACK = 5_000;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Who gets what comes.
 *
 * @typedef {object} Receiver
 * @property {(event: import('../decoder.js').DecodedEvent, origin: string) => void} take
 * @property {(event: Event) => void} emit what is no event of the server's
 * @property {() => void} passed all of a read has been given out
 * @property {() => Promise<void> | null} room something to wait for before reading on
 * @property {(error: HeadwaterError, retryIn: number | null) => void} failed null: it is over
 *
 * @typedef {object} More
 * @property {import('./state.js').Policy} policy
 * @property {import('./token.js').TokenSource} [token]
 * @property {Partial<import('../decoder.js').DecoderLimits>} [limits]
 * @property {number} [silence] instead of what the server says
 * @property {boolean} [comments]
 *
 * @typedef {import('./request.js').Fixed & More} Settings
 *
 * @typedef {AbortController} Line a request that is under way
 * @typedef {import('./fallback.js').Fallback} Fallback
 */

export class Connection {
  /** What the next request goes on from: a cursor, or the last event id of a server that has none. */
  position;
  settings;
  outside;
  state;
  /** Polls stand in for the stream. */
  polling = false;
  receiver;
  lastEventId;
  #seen = new Seen();
  /** @type {Line | null} */
  #main = null;
  /** A poll that is tried beside a stream, or the other way round. @type {Line | null} */
  #beside = null;
  /** @type {Promise<Fallback | null> | null} */
  #fallback = null;
  /** @type {import('./token.js').Token | null} */
  #token = null;
  #asleep = false;
  #hadTopics = false;
  /** @type {unknown} */
  #timer;
  #timerAt = Infinity;

  /**
   * @param {Settings} settings
   * @param {string} position
   * @param {import('./environment.js').Environment} outside
   * @param {Receiver} receiver
   */
  constructor(settings, position, outside, receiver) {
    this.settings = settings;
    this.outside = outside;
    this.receiver = receiver;
    this.state = new State(settings.policy);
    this.position = '';
    this.lastEventId = position === 'earliest' ? '' : position;
    this.move(position);
  }

  /**
   * Something happened to the page, or to what it wants.
   *
   * @param {'start' | 'nudge' | 'sleep' | 'wake' | 'change' | 'end'} what
   */
  page(what) {
    const { size } = this.settings.topics;
    this.#hadTopics ||= size > 0;
    if (what === 'sleep') this.#asleep = true;
    if (what === 'wake') this.#asleep = false;
    // Frozen; or the last topic has been taken away, which a hub would refuse.
    const resting = this.#asleep || (this.#hadTopics && size === 0);
    if (what === 'end' || what === 'nudge') this.tell(what);
    else if (resting) this.tell('sleep');
    else this.tell(what === 'change' && this.state.phase !== 'idle' ? 'change' : 'start');
  }

  /** @param {import('./state.js').Happening} what @param {import('./state.js').Given} [given] @param {HeadwaterError} [error] */
  tell(what, given, error) {
    const effect = this.state.on(what, this.outside.now(), given);
    if (effect) this.#do(effect, error);
    const { until } = this.state;
    // A timer that fires early is set again: at each read it would cost more.
    if (until < this.#timerAt || until === Infinity) {
      this.outside.clearTimer(this.#timer);
      this.#timerAt = until;
      if (until === Infinity) return;
      this.#timer = this.outside.setTimer(() => {
        this.#timerAt = Infinity;
        this.tell('elapsed');
      }, Math.min(until - this.outside.now(), LONGEST_TIMER));
    }
  }

  /** @param {import('./state.js').Effect} effect @param {HeadwaterError} [error] */
  #do(effect, error) {
    switch (effect) {
      case 'open':
        this.receiver.emit(new Event('open'));
        break;
      case 'doubt':
        this.#load().then((fallback) => (this.state.doubted ? fallback?.doubt() : undefined));
        break;
      case 'timeout':
        this.#fail(new HeadwaterError('timeout', `no answer within ${this.settings.policy.answer / 1_000} s`));
        break;
      case 'silence':
        this.#fail(new HeadwaterError('silence', 'the stream fell silent'));
        break;
      default:
        this.#main?.abort();
        this.#main = null;
        if (!this.polling || effect === 'cut') this.beside();
        if (effect === 'cut' || effect === 'fail') this.#fallback?.then((fallback) => fallback?.rest());
        if (effect === 'connect') this.#connect();
        else if (error) this.receiver.failed(error, effect === 'fail' ? null : this.state.until - this.outside.now());
    }
  }

  /** Most networks never need it. */
  #load() {
    this.#fallback ??= import('./fallback.js').then(({ Fallback }) => new Fallback(this), () => null);
    return this.#fallback;
  }

  #connect() {
    const line = new AbortController();
    this.#main = line;
    this.guard(line, this.polling ? this.#load().then((fallback) => fallback?.poll(line)) : this.stream(line));
  }

  /** @param {Line} line @param {Promise<void>} work */
  guard(line, work) {
    work.catch((error) => {
      if (line === this.#main) this.#fail(this.known(error));
      else if (line === this.#beside) this.beside();
    });
  }

  /** A line beside the main one, in place of an earlier one; without `open` just its end. @param {boolean} [open] */
  beside(open) {
    this.#beside?.abort();
    this.#beside = open ? new AbortController() : null;
    return /** @type {Line} */ (this.#beside);
  }

  /** The line is neither ended nor replaced. @param {Line} line */
  isLive(line) {
    return line === this.#main || line === this.#beside;
  }

  /** @param {HeadwaterError} error */
  #fail(error) {
    const { kind, status, retryAfter } = error;
    const failure = kind === 'refused' ? 'status' : error.isRetryable ? 'cut' : 'lasting';
    const renew = typeof this.settings.token === 'function';
    if (status === 401) this.#token?.refuse();
    this.tell('failed', { failure, status, retryAfter, renew, luck: this.outside.luck() }, error);
  }

  /** @param {any} error */
  known(error) {
    if (error instanceof HeadwaterError) return error;
    if (error instanceof DecodeError) return new HeadwaterError('limit', error.message);
    return new HeadwaterError('network', `the connection broke: ${error.cause?.message ?? error.message}`, { cause: error });
  }

  /**
   * The answer, if it is a 200.
   *
   * @param {Line} line
   * @param {number} [timeout] of a long poll, in seconds
   */
  async send({ signal }, timeout) {
    const cursor = this.position;
    let { token } = this.settings;
    if (typeof token === 'function') {
      this.#token ??= new (await import('./token.js')).Token(token, this.outside);
      token = await this.#token.get();
      this.tell('token', { renewIn: this.#token.renewIn });
    }
    // Ended meanwhile: nothing is sent, and nobody hears of this.
    signal.throwIfAborted();
    const { url, init } = build(this.settings, { cursor, token, timeout });
    const response = await this.outside.fetch(url, { ...init, signal });
    if (response.status === 204) throw new HeadwaterError('dismissed', 'the server wants no more of us (204)');
    if (response.status !== 200) throw await (await import('./refusal.js')).refusal(response);
    return response;
  }

  /** @param {Line} line */
  async stream(line) {
    const { url, hub, silence, limits, comments } = this.settings;
    const asked = this.position;
    const response = await this.send(line);
    if (mediaType(response) !== EVENT_STREAM) throw wrongType(response, EVENT_STREAM);
    const { origin } = new URL(response.url || url);
    const heartbeat = response.headers.get('Headwater-Heartbeat');
    const answered = response.headers.get('Last-Event-ID');
    // The hub goes on from another place than asked. Hubs that can tell it in the stream will, with both ends.
    let gap = asked !== '' && answered !== null && answered !== binary(asked) ? { from: asked } : null;
    const tellGap = () => {
      if (gap) this.receiver.emit(new GapEvent(gap));
      gap = null;
    };
    let marks = 0;
    let cursors = false;
    // A server without cursors is resumed by the last event id, which a block without data sets as well.
    const settle = () => {
      if (!cursors && decoder.lastEventId !== this.lastEventId) this.position = decoder.lastEventId;
      this.lastEventId = decoder.lastEventId;
    };
    const decoder = new Decoder({
      event: (event) => {
        if (!this.isLive(line)) return;
        cursors ||= event.cursor !== undefined;
        settle();
        if (hub && event.type === GAP) {
          this.admit(event);
          gap = between(event.data);
          tellGap();
        } else if (this.admit(event)) {
          tellGap();
          this.receiver.take(event, origin);
        }
        this.tell('delivered');
      },
      mark: (cursor) => {
        if (!this.isLive(line)) return;
        cursors = true;
        settle();
        this.move(cursorId(cursor));
        // One comes at the opening. When something was asked for, one more comes at its end.
        marks += 1;
        if (marks !== (asked ? 2 : 1)) return;
        tellGap();
        this.receiver.emit(new Event('caughtup'));
      },
      retry: (retry) => this.tell('retry', { retry }),
      comment: (data) => comments && this.isLive(line) && this.receiver.emit(new MessageEvent('comment', { data })),
    }, { ...limits, lastEventId: this.lastEventId });

    const beats = Number(heartbeat) > 0 ? Number(heartbeat) * 2_000 + SLACK : Infinity;
    const head = () => this.tell('head', { silence: silence ?? (heartbeat === null ? undefined : beats) });
    if (line === this.#main) head();
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (!this.isLive(line)) return;
      if (done) throw new HeadwaterError('closed', 'the server ended the stream');
      if (line === this.#beside) {
        // It works where polls stood in. What both have brought is told apart by its cursor.
        this.#beside = null;
        this.#main?.abort();
        this.#main = line;
        (await this.#load())?.back();
        head();
      } else if (!this.polling) {
        this.beside();
      }
      this.tell('heard');
      decoder.push(value);
      if (!this.isLive(line)) return;
      settle();
      await this.passed();
    }
  }

  /** Goes on from there, unless it has been farther. @param {string} id */
  move(id) {
    if (id[0] !== '#' || this.#seen.admit(id)) this.position = id;
  }

  /**
   * Moves on to the event. False if it has been here.
   *
   * @param {import('../decoder.js').DecodedEvent} event
   */
  admit(event) {
    if (event.cursor === undefined) return true;
    event.cursor = cursorId(event.cursor);
    if (!this.#seen.admit(event.cursor)) return false;
    this.position = event.cursor;
    return true;
  }

  /** A read's events are out: waits, if they are too many. */
  async passed() {
    this.receiver.passed();
    const room = this.receiver.room();
    if (!room) return;
    this.tell('pause');
    await room;
    this.tell('resume');
  }
}

/** A gap is told also when what the hub says about it cannot be read. @param {string} data */
function between(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}
