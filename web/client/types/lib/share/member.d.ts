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
 *
 * @typedef {object} Step
 * @property {string} prev the leader's position before it
 * @property {string} own and after it
 * @property {import('../connection.js').Received} [event]
 * @property {{ from: string | null, to: string | null }} [gap] told before the event
 */
export class Member {
    /** @param {number} luck from 0 to 1 */
    constructor(luck: number);
    /** The question that is open: what answers an earlier one may be of other topics. 0: none is. */
    turn: number;
    /** When `elapsed` is due. */
    until: number;
    /**
     * @param {'ask' | 'answer' | 'heard' | 'elapsed' | 'sleep'} what
     * @param {number} now
     * @returns {'ask' | 'steal' | undefined}
     */
    on(what: "ask" | "answer" | "heard" | "elapsed" | "sleep", now: number): "ask" | "steal" | undefined;
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
    event?: import("../connection.js").Received | undefined;
    /**
     * told before the event
     */
    gap?: {
        from: string | null;
        to: string | null;
    } | undefined;
};
