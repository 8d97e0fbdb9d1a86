/**
 * A step of the leader's stream: with an event, or without one.
 *
 * @typedef {object} Step
 * @property {string} prev the leader's position before it
 * @property {string} own and after it
 * @property {import('../connection.js').Received} [event]
 * @property {import('../connection.js').Between} [gap] told before the event
 */
/** @param {number} luck from 0 to 1 */
export function member(luck: number): {
    on: (what: "ask" | "answer" | "heard" | "elapsed" | "sleep", now: number) => "ask" | "steal" | undefined;
    readonly turn: number;
    readonly until: number;
};
/**
 * What a step is to someone at this position: the next one, an old one, or one that cannot be placed, since something may be
 * missing before it.
 *
 * @param {Step} step
 * @param {string} position
 * @returns {'next' | 'old' | 'astray'}
 */
export function judge({ prev, own }: Step, position: string): "next" | "old" | "astray";
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
    event?: import("../connection.js").Received | undefined;
    /**
     * told before the event
     */
    gap?: import("../connection.js").Between | undefined;
};
