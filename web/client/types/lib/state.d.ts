/**
 * @typedef {object} Policy
 * @property {boolean} [strict] as a browser's `EventSource`: any status but 200 and 204 is final
 * @property {boolean} repeat a request may be sent again
 * @property {boolean} fallback polls may do where streams do not: doubt streams, and be open with the first byte only
 * @property {number} answer how long to wait for the answer
 * @property {number} retry the reconnection time until the server gives one
 *
 * @typedef {'wake' | 'sleep' | 'nudge' | 'change' | 'end' | 'head' | 'heard' | 'failed' | 'elapsed'} Happening
 *
 * What to do: send the request; end it; tell that it is open; doubt that streams get through; report as `failed` that the
 * patience with the answer, or with a silent stream, is over; tell of the failure, and that it is tried again, or not.
 * @typedef {'connect' | 'cut' | 'open' | 'doubt' | 'timeout' | 'silence' | 'error' | 'fail'} Effect
 *
 * @typedef {object} Given what belongs to a happening
 * @property {import('./errors.js').HeadwaterError} [error] failed
 * @property {boolean} [renew] failed: by its token, and another one can be had
 * @property {number} [luck] failed: from 0 to 1, spreads those who failed together
 * @property {number} [silence] head, heard: how long the stream may be silent
 */
export class State {
    /** @param {Policy} policy */
    constructor(policy: Policy);
    /** @type {'idle' | 'connecting' | 'open' | 'waiting' | 'ended'} */
    phase: "idle" | "connecting" | "open" | "waiting" | "ended";
    /** Streams in a row that the watch for silence ended. */
    silences: number;
    /** The answer is there, if not a byte of its body. */
    headed: boolean;
    /** Nothing has come since `doubt`. */
    doubted: boolean;
    /** An event has come on this stream. */
    delivered: boolean;
    /** When the token wants to be renewed. */
    renewAt: number;
    /** The last byte; Infinity: nothing is expected, since nothing is read. */
    heardAt: number;
    /** The reconnection time. */
    retry: number;
    /**
     * @param {Happening} what
     * @param {number} now
     * @param {Given} [given]
     * @returns {Effect | undefined}
     */
    on(what: Happening, now: number, given?: Given): Effect | undefined;
    /** When `elapsed` is due. */
    get until(): number;
    #private;
}
export type Policy = {
    /**
     * as a browser's `EventSource`: any status but 200 and 204 is final
     */
    strict?: boolean | undefined;
    /**
     * a request may be sent again
     */
    repeat: boolean;
    /**
     * polls may do where streams do not: doubt streams, and be open with the first byte only
     */
    fallback: boolean;
    /**
     * how long to wait for the answer
     */
    answer: number;
    /**
     * the reconnection time until the server gives one
     */
    retry: number;
};
/**
 * What to do: send the request; end it; tell that it is open; doubt that streams get through; report as `failed` that the
 * patience with the answer, or with a silent stream, is over; tell of the failure, and that it is tried again, or not.
 */
export type Happening = "wake" | "sleep" | "nudge" | "change" | "end" | "head" | "heard" | "failed" | "elapsed";
export type Effect = "connect" | "cut" | "open" | "doubt" | "timeout" | "silence" | "error" | "fail";
/**
 * what belongs to a happening
 */
export type Given = {
    /**
     * failed
     */
    error?: import("./errors.js").HeadwaterError | undefined;
    /**
     * failed: by its token, and another one can be had
     */
    renew?: boolean | undefined;
    /**
     * failed: from 0 to 1, spreads those who failed together
     */
    luck?: number | undefined;
    /**
     * head, heard: how long the stream may be silent
     */
    silence?: number | undefined;
};
