// Carries out what the state machine decides: the requests, the reading, the one timer.

import { DecodeError, Decoder } from '../decoder.js';
import { HeadwaterError, mediaType, refusal, wrongType } from './errors.js';
import { readAnswer } from './poll.js';
import { cursorId, Seen } from './position.js';
import { binary, build } from './request.js';
import { POLL_SECONDS, State } from './state.js';
import { Token } from './token.js';

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
 * @property {() => void} opened
 * @property {(event: import('../decoder.js').DecodedEvent, origin: string) => void} event
 * @property {(between: { from?: unknown, to?: unknown }) => void} gap
 * @property {() => void} caughtUp
 * @property {(text: string) => void} comment
 * @property {(position: string) => void} passed all of a read has been given out
 * @property {(error: HeadwaterError, retryIn: number | null) => void} failed null: it is over
 * @property {() => Promise<void> | null} room something to wait for before reading on
 *
 * @typedef {object} Settings
 * @property {import('./request.js').Fixed} fixed
 * @property {import('./state.js').Policy} policy
 * @property {import('./token.js').TokenSource} [token]
 * @property {Partial<import('../decoder.js').DecoderLimits>} [limits]
 * @property {number} [silence] instead of what the server says
 * @property {Set<string>} topics as they are wanted: whoever changes them calls `change`
 *
 * @typedef {{ abort: AbortController }} Line a request that is under way
 * @typedef {'stream' | 'poll'} Kind
 * @typedef {import('./state.js').Given & { error?: HeadwaterError }} Given
 */

export class Connection {
  /** What the next request goes on from: a cursor, or the last event id of a server that has none. */
  position;
  #lastEventId;
  #seen = new Seen();
  #settings;
  #outside;
  #receiver;
  #state;
  #token;
  /** @type {Record<Kind, Line | null>} */
  #lines = { stream: null, poll: null };
  /** @type {import('./poll.js').Answer | null} */
  #held = null;
  #caughtUp = false;
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
    this.#settings = settings;
    this.#outside = outside;
    this.#receiver = receiver;
    this.#state = new State(settings.policy);
    this.#token = new Token(settings.token, outside);
    this.position = position;
    this.#lastEventId = position === 'earliest' ? '' : position;
    if (position[0] === '#') this.#seen.admit(position);
  }

  get phase() {
    return this.#state.phase;
  }

  start() {
    if (!this.#resting) this.#tell('start');
  }

  /** The topics are others now. */
  change() {
    if (this.#resting) this.#tell('sleep');
    else this.#tell(this.phase === 'idle' ? 'start' : 'change');
  }

  nudge() {
    if (!this.#resting) this.#tell('nudge');
  }

  sleep() {
    this.#asleep = true;
    this.#tell('sleep');
  }

  wake() {
    this.#asleep = false;
    if (!this.#resting) this.#tell('wake');
  }

  close() {
    this.#tell('end');
  }

  /** The page is frozen, or the last topic has been taken away, which a hub would refuse. */
  get #resting() {
    const { size } = this.#settings.topics;
    this.#hadTopics ||= size > 0;
    return this.#asleep || (this.#hadTopics && size === 0);
  }

  /** @param {import('./state.js').Happening} what @param {Given} [given] */
  #tell(what, given = {}) {
    for (const effect of this.#state.on(what, this.#outside.now(), given)) this.#do(effect, given);
    const { until } = this.#state;
    // A timer that fires early is set again: at each read it would cost more.
    if (until < this.#timerAt || this.phase === 'ended') {
      this.#outside.clearTimer(this.#timer);
      this.#timerAt = until;
      if (until === Infinity) return;
      this.#timer = this.#outside.setTimer(() => {
        this.#timerAt = Infinity;
        this.#tell('elapsed');
      }, Math.min(until - this.#outside.now(), LONGEST_TIMER));
    }
  }

  /** @param {import('./state.js').Effect} effect @param {Given} given */
  #do(effect, { error }) {
    const { policy } = this.#settings;
    switch (effect) {
      case 'connect':
        this.#run('stream', (line) => this.#stream(line));
        break;
      case 'poll':
        this.#run('poll', (line) => this.#poll(line, POLL_SECONDS));
        break;
      case 'probe':
        this.#caughtUp = false;
        this.#run('poll', (line) => this.#poll(line, 0));
        break;
      case 'adopt':
        if (this.#held && this.#lines.poll) this.#deliver(this.#held, this.#lines.poll);
        this.#held = null;
        break;
      case 'cut':
        this.#end('stream');
        break;
      case 'unpoll':
        this.#end('poll');
        this.#held = null;
        break;
      case 'open':
        this.#receiver.opened();
        break;
      case 'timeout':
        this.#fail(this.#state.polling ? 'poll' : 'stream',
          new HeadwaterError('timeout', `no answer within ${policy.answer / 1_000} s`));
        break;
      case 'silence':
        this.#fail('stream', new HeadwaterError('silence', 'the stream fell silent'));
        break;
      case 'error':
      case 'fail':
        if (error) this.#receiver.failed(error, effect === 'fail' ? null : this.#state.until - this.#outside.now());
        break;
      default:
    }
  }

  /** @param {Kind} kind @param {(line: Line) => Promise<void>} request */
  #run(kind, request) {
    this.#end(kind);
    const line = { abort: new AbortController() };
    this.#lines[kind] = line;
    request(line).catch((error) => {
      if (this.#lines[kind] === line) this.#fail(kind, this.#known(error));
    });
  }

  /** @param {Kind} kind */
  #end(kind) {
    const line = this.#lines[kind];
    this.#lines[kind] = null;
    line?.abort.abort();
  }

  /** @param {Line} line */
  #isLive(line) {
    return this.#lines.stream === line || this.#lines.poll === line;
  }

  /** @param {Kind} from @param {HeadwaterError} error */
  #fail(from, error) {
    const { kind, status, retryAfter } = error;
    if (status === 401) this.#token.refuse();
    const failure = kind === 'refused' ? 'status'
      : ['network', 'timeout', 'silence', 'closed', 'token'].includes(kind) ? 'cut' : 'lasting';
    const luck = this.#outside.luck();
    this.#tell('failed', { from, failure, status, retryAfter, luck, renew: this.#token.renewable, error });
  }

  /** @param {any} error */
  #known(error) {
    if (error instanceof HeadwaterError) return error;
    if (error instanceof DecodeError) return new HeadwaterError('limit', error.message, { cause: error });
    const hint = this.#settings.fixed.redirect === 'error' ? ' (a redirect would be refused, too)' : '';
    return new HeadwaterError('network', `the connection broke: ${error?.cause?.message || error?.message}${hint}`, { cause: error });
  }

  /**
   * The answer, if it is a 200.
   *
   * @param {Line} line
   * @param {number} [timeout]
   */
  async #send(line, timeout) {
    const { fixed, topics } = this.#settings;
    const cursor = this.position;
    const token = await this.#token.get();
    // Ended meanwhile: nothing is sent, and nobody hears of this.
    line.abort.signal.throwIfAborted();
    this.#tell('token', { renewIn: this.#token.renewIn });
    const { url, init } = build(fixed, { topics, cursor, token, timeout });
    const response = await this.#outside.fetch(url, { ...init, signal: line.abort.signal });
    if (response.status === 204) throw new HeadwaterError('dismissed', 'the server wants no more of us (204)');
    if (response.status !== 200) throw await refusal(response);
    return response;
  }

  /** @param {Line} line */
  async #stream(line) {
    const asked = this.position;
    const response = await this.#send(line);
    if (mediaType(response) !== EVENT_STREAM) throw wrongType(response, EVENT_STREAM);
    const { fixed, silence, limits } = this.#settings;
    const heartbeat = response.headers.get('Headwater-Heartbeat');
    const beats = Number(heartbeat) > 0 ? Number(heartbeat) * 2_000 + SLACK : Infinity;
    // The hub goes on from another place than asked. Hubs that can tell it in the stream will, with both ends.
    const answered = response.headers.get('Last-Event-ID');
    const gap = asked !== '' && answered !== null && answered !== binary(asked) ? { from: asked } : null;
    const { decoder, settle } = this.#decoder(line, new URL(response.url || fixed.url).origin, gap, asked !== '');
    this.#tell('head', { silence: silence ?? (heartbeat === null ? undefined : beats) });

    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    while (this.#isLive(line)) {
      const { done, value } = await reader.read();
      if (done) throw new HeadwaterError('closed', 'the server ended the stream');
      if (!this.#isLive(line)) return;
      this.#tell('heard');
      decoder.push(value);
      settle();
      await this.#passed(line);
    }
  }

  /**
   * @param {Line} line
   * @param {string} origin
   * @param {{ from?: unknown, to?: unknown } | null} gap
   * @param {boolean} asked
   */
  #decoder(line, origin, gap, asked) {
    const { limits, fixed: { hub } } = this.#settings;
    let marks = 0;
    let cursors = false;
    const tellGap = () => {
      if (gap) this.#receiver.gap(gap);
      gap = null;
    };
    // A server without cursors is resumed by the last event id, which a block without data sets as well.
    const settle = () => {
      if (!this.#isLive(line)) return;
      if (!cursors && decoder.lastEventId !== this.#lastEventId) this.position = decoder.lastEventId;
      this.#lastEventId = decoder.lastEventId;
    };
    const decoder = new Decoder({
      event: (event) => {
        if (!this.#isLive(line)) return;
        cursors ||= event.cursor !== undefined;
        settle();
        if (hub && event.type === GAP) {
          this.#admit(event);
          gap = between(event.data);
          tellGap();
        } else if (this.#admit(event)) {
          tellGap();
          this.#receiver.event(event, origin);
        }
        this.#tell('delivered');
      },
      mark: (cursor) => {
        if (!this.#isLive(line)) return;
        cursors = true;
        settle();
        const id = cursorId(cursor);
        if (this.#seen.admit(id)) this.position = id;
        // One comes at the opening. When something was asked for, one more comes at its end.
        marks += 1;
        if (marks !== (asked ? 2 : 1)) return;
        tellGap();
        this.#receiver.caughtUp();
      },
      retry: (retry) => this.#tell('retry', { retry }),
      comment: (text) => this.#isLive(line) && this.#receiver.comment(text),
    }, { ...limits, lastEventId: this.#lastEventId });
    return { decoder, settle };
  }

  /**
   * Moves on to the event. False if it has been here.
   *
   * @param {import('../decoder.js').DecodedEvent} event
   */
  #admit(event) {
    if (event.cursor === undefined) return true;
    event.cursor = cursorId(event.cursor);
    if (!this.#seen.admit(event.cursor)) return false;
    this.position = event.cursor;
    return true;
  }

  /** A read's events are out: waits, if they are too many. @param {Line} line */
  async #passed(line) {
    if (!this.#isLive(line)) return;
    this.#receiver.passed(this.position);
    const room = this.#receiver.room();
    if (!room) return;
    this.#tell('pause');
    await room;
    this.#tell('resume');
  }

  /** @param {Line} line @param {number} timeout */
  async #poll(line, timeout) {
    const answer = await readAnswer(await this.#send(line, timeout));
    if (!this.#isLive(line)) return;
    // A probe: what it brings is delivered when the stream has brought nothing.
    if (!this.#state.polling) this.#held = answer;
    this.#tell('answered');
    if (this.#state.polling) await this.#deliver(answer, line);
  }

  /** @param {import('./poll.js').Answer} answer @param {Line} line */
  async #deliver({ gap, updates, more, lastEventID }, line) {
    if (gap) this.#receiver.gap(gap);
    for (const update of updates) {
      if (!this.#isLive(line)) return;
      if (update.retry !== undefined) this.#tell('retry', { retry: update.retry });
      this.#lastEventId = update.lastEventId;
      if (this.#admit(update)) this.#receiver.event(update, this.#settings.fixed.url.origin);
    }
    if (!this.#isLive(line)) return;
    if (lastEventID !== '') this.position = lastEventID;
    if (lastEventID[0] === '#') this.#seen.admit(lastEventID);
    if (!more && !this.#caughtUp) {
      this.#caughtUp = true;
      this.#receiver.caughtUp();
    }
    await this.#passed(line);
    if (this.#isLive(line)) this.#tell('polled', { empty: updates.length === 0 });
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
