// What one tab of many does: whom it follows, what it dispatches, when it asks, and when it takes over. All of it without any
// I/O: what happened and the time go in, what to do comes out.

import { epochOf, isWithin } from './order.js';

/** How often a tab asks whether the leader lives, at least; others of the same age ask up to half as much later. */
const PING = 10_000;
/** So long an answer may take. A leader that does not answer is robbed. */
const PATIENCE = 5_000;
/** A timer that is later than this says that it is we who were asleep. Timers of hidden tabs are late by up to a second. */
const LATE = 2_000;

/** So many epochs that are over are remembered. */
const MAX_EPOCHS = 16;

/**
 * A step of the leader's stream: with an event, or without one.
 *
 * @typedef {object} Step
 * @property {string} prev the leader's position before it
 * @property {string} own and after it
 * @property {import('../../decoder.js').DecodedEvent} [event]
 * @property {string} [origin]
 * @property {{ from: string | null, to: string | null }} [gap] told before the event
 *
 * @typedef {'start' | 'sleep' | 'change' | 'lead' | 'ack' | 'tail' | 'polled' | 'full' | 'room' | 'missed' | 'caughtup' | 'heard'
 *   | 'nudge' | 'elapsed'} Happening
 *
 * What to do: ask whoever leads to take our topics; ask for what we missed; catch up without the leader; ask whether it lives;
 * take its lock away.
 * @typedef {'join' | 'tail' | 'poll' | 'ping' | 'steal'} Effect
 *
 * @typedef {object} Given
 * @property {string} [term] lead, ack
 * @property {number} [turn] ack: which `join` it answers
 * @property {string} [at] ack: from here on our topics are in the leader's stream; tail, caughtup: how far that is
 * @property {boolean} [live] ack: nothing old comes any more
 * @property {boolean} [held] tail: the leader still held what we missed
 */

export class Member {
  /**
   * - `away`: asleep, or gone
   * - `fresh`: it has no position, and takes the leader's as soon as nothing old comes any more
   * - `live`: it follows
   * - `behind`: something is missing, and has been asked for
   * - `polling`: it catches up by itself
   * - `full`: the application is slow, and nothing more is held for it
   *
   * @type {'away' | 'fresh' | 'live' | 'behind' | 'polling' | 'full'}
   */
  mode = 'away';
  /** The leader that acknowledged our topics; empty: none has. */
  term = '';
  /** Which `join` is to be acknowledged: an earlier one had other topics. */
  turn = 0;
  /** It has followed a leader. */
  prior = false;
  position;
  /** What a poll made good, as the leader names it. */
  reach = '';
  /** What `reach` will be when the poll is through. */
  #target = '';
  /** The epochs before that of our position: a hub never goes back to one. @type {Set<string>} */
  #over = new Set();
  #ping;
  /** Since when an answer is waited for. */
  #asked = Infinity;
  #pingAt = Infinity;

  /** @param {string} position @param {number} luck from 0 to 1 */
  constructor(position, luck) {
    this.#ping = PING * (1 + luck / 2);
    this.position = position;
  }

  /**
   * @param {Happening} what
   * @param {number} now
   * @param {Given} [given]
   * @returns {Effect | undefined}
   */
  on(what, now, given = {}) {
    if (this.mode === 'away' && what !== 'start') return undefined;
    switch (what) {
      case 'start':
        this.mode = this.position === '' ? 'fresh' : 'live';
        return this.#join(now);
      case 'sleep':
        this.mode = 'away';
        this.term = '';
        this.#asked = this.#pingAt = Infinity;
        break;
      case 'change':
        return this.#join(now);
      case 'lead':
        if (given.term !== this.term) return this.#join(now);
        break;
      case 'ack':
        if (given.turn === this.turn && this.term === '') return this.#follow(given, now);
        break;
      case 'tail':
        if (this.mode !== 'behind') break;
        if (given.held) {
          this.#live();
          break;
        }
        this.mode = 'polling';
        this.#target = given.at ?? '';
        return 'poll';
      case 'polled':
        // All that the leader had when it was asked, we have now.
        this.reach = this.#target;
        this.#leave(this.reach);
        return this.#behind(now);
      case 'full':
        this.mode = 'full';
        break;
      case 'missed':
        return this.#behind(now);
      case 'room':
        if (this.mode === 'full') return this.#behind(now);
        break;
      case 'caughtup':
        if (this.mode === 'fresh') this.#begin(given.at);
        break;
      case 'heard':
        this.#asked = Infinity;
        this.#pingAt = now + this.#ping;
        break;
      case 'nudge':
        return this.#ask(now);
      case 'elapsed':
        if (now < this.until) break;
        // Unanswered; unless it is our own timers that did not run, and the answer with them.
        if (this.#asked < Infinity && now < this.until + LATE) {
          this.#asked = now;
          return 'steal';
        }
        return this.#ask(now);
      default:
    }
    return undefined;
  }

  /** When `elapsed` is due. */
  get until() {
    return Math.min(this.#asked + PATIENCE, this.#pingAt);
  }

  /**
   * Moves on by a step of the leader's, if that is the next one. False: it is not to be dispatched. If it is beyond the next
   * one, the mode is `behind` from here on.
   *
   * @param {Step} step
   */
  accept({ prev, own }) {
    if (this.mode !== 'live' || this.#isPast(own)) return false;
    const here = epochOf(this.position);
    const epoch = epochOf(prev);
    // In our epoch what was before its beginning is past. Another epoch is new if it follows ours, and else may be old.
    const isNext = epochOf(own) === here
      ? this.#isPast(prev) || prev === 'earliest' || (epoch !== '' && epoch !== here)
      : prev === this.position || (epoch === here && this.#isPast(prev));
    if (isNext) this.#go(own);
    else this.mode = 'behind';
    return isNext;
  }

  /** Goes on from there. False if it has been there, or farther. @param {string} position */
  move(position) {
    const moves = !this.#isPast(position);
    if (moves) this.#go(position);
    return moves;
  }

  /** @param {string} position */
  #go(position) {
    const before = this.position;
    this.position = position;
    this.#leave(before);
  }

  /** If that is another epoch than ours, it is over. @param {string} position */
  #leave(position) {
    const epoch = epochOf(position);
    if (epoch !== epochOf(this.position)) this.#over.add(epoch);
    const [oldest] = this.#over;
    if (this.#over.size > MAX_EPOCHS) this.#over.delete(oldest);
  }

  /** It, or a later one, has been here. Empty: some moment, which may be after ours. @param {string} position */
  #isPast(position) {
    if (position === '') return false;
    return position === this.position || position === this.reach || isWithin(position, this.position)
      || this.#over.has(epochOf(position));
  }

  /** @param {Given} given @param {number} now */
  #follow({ term = '', at = '', live }, now) {
    this.term = term;
    this.on('heard', now);
    if (this.mode === 'fresh' && live) this.#begin(at);
    if (this.mode !== 'live' && this.mode !== 'behind') return undefined;
    if (at !== '' && !this.#isPast(at)) return this.#behind(now);
    this.#live();
    return undefined;
  }

  #begin(at = '') {
    this.move(at);
    this.#live();
  }

  #live() {
    this.mode = 'live';
    this.prior = true;
  }

  /** @param {number} now @returns {Effect} */
  #join(now) {
    this.term = '';
    this.turn += 1;
    return this.#ask(now);
  }

  /** @param {number} now */
  #behind(now) {
    this.mode = 'behind';
    // Without a leader there is nobody to ask, and the next one sees when it takes our topics.
    return this.term === '' ? undefined : this.#ask(now);
  }

  /** Asks, for the first time or again. @param {number} now @returns {Effect} */
  #ask(now) {
    this.#asked = now;
    this.#pingAt = Infinity;
    if (this.term === '') return 'join';
    return this.mode === 'behind' ? 'tail' : 'ping';
  }
}
