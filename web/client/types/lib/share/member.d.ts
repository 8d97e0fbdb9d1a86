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
    /** @param {string} position @param {number} luck from 0 to 1 */
    constructor(position: string, luck: number);
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
    mode: "away" | "fresh" | "live" | "behind" | "polling" | "full";
    /** The leader that acknowledged our topics; empty: none has. */
    term: string;
    /** Which `join` is to be acknowledged: an earlier one had other topics. */
    turn: number;
    /** It has followed a leader. */
    prior: boolean;
    position: string;
    /** What a poll made good, as the leader names it. */
    reach: string;
    /**
     * @param {Happening} what
     * @param {number} now
     * @param {Given} [given]
     * @returns {Effect | undefined}
     */
    on(what: Happening, now: number, given?: Given): Effect | undefined;
    /** When `elapsed` is due. */
    get until(): number;
    /**
     * Moves on by a step of the leader's, if that is the next one. False: it is not to be dispatched. If it is beyond the next
     * one, the mode is `behind` from here on.
     *
     * @param {Step} step
     */
    accept({ prev, own }: Step): boolean;
    /** Goes on from there. False if it has been there, or farther. @param {string} position */
    move(position: string): boolean;
    #private;
}
/**
 * A step of the leader's stream: with an event, or without one.
 */
export type Step = {
    /**
     * the leader's position before it
     */
    prev: string;
    /**
     * and after it
     */
    own: string;
    event?: import("../../decoder.js").DecodedEvent | undefined;
    origin?: string | undefined;
    /**
     * told before the event
     */
    gap?: {
        from: string | null;
        to: string | null;
    } | undefined;
};
/**
 * What to do: ask whoever leads to take our topics; ask for what we missed; catch up without the leader; ask whether it lives;
 * take its lock away.
 */
export type Happening = "start" | "sleep" | "change" | "lead" | "ack" | "tail" | "polled" | "full" | "room" | "missed" | "caughtup" | "heard" | "nudge" | "elapsed";
/**
 * A step of the leader's stream: with an event, or without one.
 */
export type Effect = "join" | "tail" | "poll" | "ping" | "steal";
/**
 * A step of the leader's stream: with an event, or without one.
 */
export type Given = {
    /**
     * lead, ack
     */
    term?: string | undefined;
    /**
     * ack: which `join` it answers
     */
    turn?: number | undefined;
    /**
     * ack: from here on our topics are in the leader's stream; tail, caughtup: how far that is
     */
    at?: string | undefined;
    /**
     * ack: nothing old comes any more
     */
    live?: boolean | undefined;
    /**
     * tail: the leader still held what we missed
     */
    held?: boolean | undefined;
};
