// Carries out what the state machine decides: the request, the reading, the one timer.

import { Decoder } from '../decoder.js';
import { HeadwaterError, known, mediaType } from './errors.js';
import { admission } from './position.js';
import { binary, build } from './request.js';
import { State } from './state.js';

const EVENT_STREAM = 'text/event-stream';
/** The type of the event by which a hub tells of a gap, to those who ask with `include=gap`. */
const GAP = 'headwater:gap';
/** Of a hub that promises no heartbeat. They send one every 15 s (Headwater) or 40 s (the reference hub). */
const SILENCE = 60_000;
/** On top of two heartbeats: a network may be slow. */
const SLACK = 5_000;
/** Timers count with 32 bits. */
const LONGEST_TIMER = 1e9;

/**
 * An event, and who sent it.
 *
 * @typedef {import('../decoder.js').DecodedEvent & { origin?: string }} Received
 *
 * Who gets what comes.
 *
 * @typedef {object} Receiver
 * @property {(event: Received) => void} take
 * @property {(type: string, detail?: any) => unknown} emit what is no event of the server's: `open`, `caughtup`, `gap`, `comment`
 * @property {() => Promise<void> | null} passed all of a read has been given out; something to wait for before reading on
 * @property {(error: HeadwaterError, retryIn: number | null) => void} failed null: it is over
 *
 * @typedef {{ from?: string | null, to?: string | null }} Between the ids around a gap, as far as they are known
 *
 * @typedef {object} More
 * @property {import('./token.js').TokenSource} [token]
 * @property {Partial<import('../decoder.js').DecoderLimits>} [limits]
 * @property {number} [silence] instead of what the server says
 * @property {boolean} [comments]
 *
 * @typedef {import('./request.js').Fixed & import('./state.js').Policy & More} Settings
 *
 * @typedef {AbortController} Line a request that is under way, until it is aborted
 */

export class Connection {
  /** What the next request goes on from: a cursor, or the last event id of a server that has none. */
  position = '';
  /** A poll that is tried beside a stream, or the other way round. @type {Line} */
  beside = new AbortController();
  /** @type {Line} */
  main = new AbortController();
  #isNew = admission();
  /**
   * Most networks never need it. Where the settings have it no more, its polls stand in for the stream.
   *
   * @type {ReturnType<import('./fallback.js').fallback> | undefined}
   */
  fallback;
  /** @type {ReturnType<import('./token.js').keep> | undefined} */
  #token;
  #asleep = false;
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
    this.state = new State(settings);
    this.move(position);
  }

  /**
   * Something happened to the page, or to what it wants.
   *
   * @param {import('./environment.js').Lifecycle | 'end'} what
   */
  page(what) {
    const { topics, byTopic } = this.settings;
    if (/sleep|wake/.test(what)) this.#asleep = what === 'sleep';
    // Frozen; or the last topic has been taken away, which a hub would refuse.
    const isResting = this.#asleep || (byTopic && topics.size === 0);
    this.tell(isResting && what !== 'end' ? 'sleep' : what);
  }

  /** @param {import('./state.js').Happening} what @param {import('./state.js').Given} [given] */
  tell(what, given) {
    const effect = this.state.on(what, this.outside.now(), given);
    // A stream that is tried beside polls asks for other topics.
    if (what === 'change') this.beside.abort();
    if (effect) this.#do(effect, given?.error);
    this.tellAt(this.state.until);
  }

  /** Tells itself then that time has passed. @param {number} until */
  tellAt(until) {
    const { now, setTimer, clearTimer } = this.outside;
    // A timer that fires early is set again: at each read it would cost more.
    if (until < this.#timerAt || until === Infinity) {
      clearTimer(this.#timer);
      this.#timerAt = until;
      this.#timer = until < Infinity && setTimer(() => {
        this.#timerAt = Infinity;
        this.tell('elapsed');
      }, Math.min(until - now(), LONGEST_TIMER));
    }
  }

  /** @param {import('./state.js').Effect} effect @param {HeadwaterError} [error] */
  #do(effect, error) {
    const isOver = /cut|fail/.test(effect);
    const polls = this.settings.fallback ? undefined : this.fallback;
    switch (effect) {
      case 'open':
        this.receiver.emit('open');
        break;
      case 'doubt':
        // If it cannot be loaded, polls would not get through either.
        import('./fallback.js').then(({ fallback }) => {
          this.fallback ??= fallback(this);
          if (this.state.doubted) this.fallback.doubt();
        }, () => {});
        break;
      case 'timeout':
      case 'silence':
        this.#fail(new HeadwaterError(effect, 'timed out'));
        break;
      default:
        this.main.abort();
        if (isOver || !polls) this.beside.abort();
        if (isOver) this.fallback?.rest();
        if (effect === 'connect') {
          const line = (this.main = new AbortController());
          this.guard(line, polls ? polls.poll(line) : this.stream(line));
        } else if (effect !== 'cut') {
          this.receiver.failed(error ?? new HeadwaterError('network', 'frozen'),
            isOver ? null : this.state.until - this.outside.now());
        }
    }
  }

  /** @param {Line} line @param {Promise<void>} work */
  guard(line, work) {
    work.catch((error) => {
      if (line.signal.aborted) return;
      if (line === this.main) this.#fail(known(error));
      else line.abort();
    });
  }

  /** @param {HeadwaterError} error */
  #fail(error) {
    const renew = error.status === 401 && this.#token?.refuse();
    this.tell('failed', { error, renew, luck: this.outside.luck() });
  }

  /**
   * The answer, if it is a 200 of this type.
   *
   * @param {Line} line
   * @param {string} accept
   * @param {string} [timeout] of a long poll, in seconds
   */
  async send({ signal }, accept, timeout) {
    const cursor = this.position;
    let { token } = this.settings;
    if (typeof token === 'function') {
      this.#token ??= (await import('./token.js')).keep(token, this.outside);
      token = await this.#token.get(signal);
      // Ended meanwhile: nothing is sent, and nobody hears of this.
      signal.throwIfAborted();
      this.state.renewAt = this.#token.until;
    }
    const [url, init] = build(this.settings, accept, cursor, token, timeout);
    const response = await this.outside.fetch(url, { ...init, signal });
    if (response.status === 200 && mediaType(response) === accept) return response;
    // If it cannot be loaded, that was likely refused, too.
    throw await import('./refusal.js').then(({ refusal }) => refusal(response, accept),
      () => new HeadwaterError('refused', `${response.status}`, response));
  }

  /**
   * @param {Line} line
   * @param {() => void} [takeOver] it is tried beside polls; its first byte makes it the main line
   */
  async stream(line, takeOver) {
    const { signal } = line;
    const { url, hub, silence, limits, comments } = this.settings;
    const asked = this.position;
    const { headers, body, url: answering } = await this.send(line, EVENT_STREAM);
    const { origin } = new URL(answering || url);
    const heartbeat = Number(headers.get('Headwater-Heartbeat') ?? NaN);
    const patience = heartbeat > 0 ? heartbeat * 2_000 + SLACK : hub && heartbeat !== 0 ? SILENCE : Infinity;
    const given = { silence: silence ?? patience };
    const answered = asked && headers.get('Last-Event-ID');
    // The hub goes on from another place than asked. One that begins with its cursor tells so in the stream, with both ends.
    /** @type {Between | '' | false | null | undefined} */
    let gap = answered && answered !== binary(asked) && { from: asked };
    // One comes at the opening. When something was asked for, one more comes at its end.
    let marks = asked ? 2 : 1;
    // A hub that promises heartbeats gives its cursor first. Without one, what is published from `open` on would be lost if the
    // connection broke at once.
    let isBare = hub && !asked && heartbeat >= 0;
    const begin = () => {
      if (isBare) this.tell('heard', given);
      isBare = false;
    };
    const decoder = new Decoder({
      event: (event) => {
        begin();
        // From what is no hub, a field of that name means nothing.
        if (!hub) event.cursor = undefined;
        const isNew = this.admit(event);
        const isGap = hub && event.type === GAP;
        if (isGap) gap = gapOf(event.data);
        if (gap) this.receiver.emit('gap', gap);
        gap = undefined;
        if (isNew && !isGap) this.receiver.take({ ...event, origin });
        this.state.delivered = true;
      },
      mark: (cursor) => {
        if (!hub) return;
        gap = undefined;
        this.move(`#${cursor}`);
        begin();
        marks -= 1;
        if (marks === 0) this.receiver.emit('caughtup');
      },
      retry: (retry) => (this.state.retry = retry),
      comment: (data) => comments && this.receiver.emit('comment', data),
    }, { ...limits, lastEventId: asked });

    if (!takeOver && !isBare) this.tell('head', given);
    const reader = /** @type {ReadableStream<Uint8Array>} */ (body).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      if (done) throw new HeadwaterError('closed', 'the stream ended');
      takeOver?.();
      takeOver = undefined;
      if (!isBare) this.tell('heard', given);
      decoder.push(value);
      // A block without data sets the last event id as well: what is no hub is resumed by it, and a hub tells so how far a
      // replay has come.
      const { lastEventId } = decoder;
      if (!hub) this.position = lastEventId;
      else if (lastEventId[0] === '#') this.move(lastEventId);
      await this.passed(signal);
    }
  }

  /** Goes on from there. False if it has been there, or farther. @param {string} id */
  move(id) {
    if (!this.#isNew(id)) return false;
    this.position = id;
    return true;
  }

  /**
   * Moves on to the event. False if it has been here.
   *
   * @param {import('../decoder.js').DecodedEvent} event
   */
  admit(event) {
    if (event.cursor !== undefined) return this.move((event.cursor = `#${event.cursor}`));
    this.position = event.lastEventId;
    return true;
  }

  /** A read's events are out: waits, if they are too many. @param {AbortSignal} signal */
  async passed(signal) {
    const room = this.receiver.passed();
    if (!room) return;
    this.state.heardAt = Infinity;
    await room;
    if (!signal.aborted) this.tell('heard');
  }
}

/** A gap is told also when what the hub says about it cannot be read. @param {string} data @returns {Between} */
function gapOf(data) {
  try {
    return JSON.parse(data) || {};
  } catch {
    return {};
  }
}
