/** How long a hub may keep a poll waiting, in seconds: below the idle timeout of the common proxies. */
export const POLL_SECONDS: 25;
/**
 * @typedef {object} Policy
 * @property {boolean} strict as a browser's `EventSource`: any status but 200 and 204 is final
 * @property {boolean} repeat a request may be sent again
 * @property {boolean} fallback there may be a long poll to fall back to; then `open` waits for the first byte
 * @property {number} answer how long to wait for the answer
 * @property {number} silence how long an open stream may be silent
 * @property {number} retry the reconnection time until the server gives one
 *
 * @typedef {'start' | 'wake' | 'sleep' | 'nudge' | 'change' | 'head' | 'heard' | 'delivered' | 'retry' | 'pause' | 'resume'
 *   | 'token' | 'answered' | 'polled' | 'failed' | 'elapsed' | 'end'} Happening
 * @typedef {'connect' | 'cut' | 'poll' | 'unpoll' | 'probe' | 'adopt' | 'open' | 'error' | 'fail' | 'timeout' | 'silence'}
 *   Effect
 * @typedef {object} Given what belongs to a happening
 * @property {'stream' | 'poll'} [from] failed: which of the two
 * @property {'cut' | 'status' | 'lasting'} [failure] failed: the network, a status, or what would be the same again
 * @property {number} [status] failed
 * @property {number} [retryAfter] failed, in milliseconds
 * @property {boolean} [renew] failed: a fresh token can be had
 * @property {number} [luck] failed: from 0 to 1, spreads those who failed together
 * @property {number} [silence] head: how long the server says that silence may last
 * @property {number} [retry] retry
 * @property {number} [renewIn] token: when it wants another one
 * @property {boolean} [empty] polled: there was nothing
 */
export class State {
    /** @param {Policy} policy */
    constructor(policy: Policy);
    /** @type {'idle' | 'connecting' | 'open' | 'waiting' | 'ended'} */
    phase: "idle" | "connecting" | "open" | "waiting" | "ended";
    polling: boolean;
    /**
     * @param {Happening} what
     * @param {number} now
     * @param {Given} [given]
     * @returns {Effect[]}
     */
    on(what: Happening, now: number, given?: Given): Effect[];
    /** When `elapsed` is due. */
    get until(): number;
    #private;
}
export type Policy = {
    /**
     * as a browser's `EventSource`: any status but 200 and 204 is final
     */
    strict: boolean;
    /**
     * a request may be sent again
     */
    repeat: boolean;
    /**
     * there may be a long poll to fall back to; then `open` waits for the first byte
     */
    fallback: boolean;
    /**
     * how long to wait for the answer
     */
    answer: number;
    /**
     * how long an open stream may be silent
     */
    silence: number;
    /**
     * the reconnection time until the server gives one
     */
    retry: number;
};
export type Happening = "start" | "wake" | "sleep" | "nudge" | "change" | "head" | "heard" | "delivered" | "retry" | "pause" | "resume" | "token" | "answered" | "polled" | "failed" | "elapsed" | "end";
export type Effect = "connect" | "cut" | "poll" | "unpoll" | "probe" | "adopt" | "open" | "error" | "fail" | "timeout" | "silence";
/**
 * what belongs to a happening
 */
export type Given = {
    /**
     * failed: which of the two
     */
    from?: "stream" | "poll" | undefined;
    /**
     * failed: the network, a status, or what would be the same again
     */
    failure?: "cut" | "status" | "lasting" | undefined;
    /**
     * failed
     */
    status?: number | undefined;
    /**
     * failed, in milliseconds
     */
    retryAfter?: number | undefined;
    /**
     * failed: a fresh token can be had
     */
    renew?: boolean | undefined;
    /**
     * failed: from 0 to 1, spreads those who failed together
     */
    luck?: number | undefined;
    /**
     * head: how long the server says that silence may last
     */
    silence?: number | undefined;
    /**
     * retry
     */
    retry?: number | undefined;
    /**
     * token: when it wants another one
     */
    renewIn?: number | undefined;
    /**
     * polled: there was nothing
     */
    empty?: boolean | undefined;
};
