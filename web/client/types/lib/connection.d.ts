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
    /**
     * @param {Settings} settings
     * @param {string} position
     * @param {import('./environment.js').Environment} outside
     * @param {Receiver} receiver
     */
    constructor(settings: Settings, position: string, outside: import("./environment.js").Environment, receiver: Receiver);
    /** What the next request goes on from: a cursor, or the last event id of a server that has none. */
    position: string;
    get phase(): "waiting" | "connecting" | "open" | "idle" | "ended";
    start(): void;
    /** The topics are others now. */
    change(): void;
    nudge(): void;
    sleep(): void;
    wake(): void;
    close(): void;
    #private;
}
/**
 * Who gets what comes.
 */
export type Receiver = {
    opened: () => void;
    event: (event: import("../decoder.js").DecodedEvent, origin: string) => void;
    gap: (between: {
        from?: unknown;
        to?: unknown;
    }) => void;
    caughtUp: () => void;
    comment: (text: string) => void;
    /**
     * all of a read has been given out
     */
    passed: (position: string) => void;
    /**
     * null: it is over
     */
    failed: (error: HeadwaterError, retryIn: number | null) => void;
    /**
     * something to wait for before reading on
     */
    room: () => Promise<void> | null;
};
/**
 * Who gets what comes.
 */
export type Settings = {
    fixed: import("./request.js").Fixed;
    policy: import("./state.js").Policy;
    token?: import("./token.js").TokenSource | undefined;
    limits?: Partial<import("../decoder.js").DecoderLimits> | undefined;
    /**
     * instead of what the server says
     */
    silence?: number | undefined;
    /**
     * as they are wanted: whoever changes them calls `change`
     */
    topics: Set<string>;
};
/**
 * a request that is under way
 */
export type Line = {
    abort: AbortController;
};
/**
 * Who gets what comes.
 */
export type Kind = "stream" | "poll";
/**
 * Who gets what comes.
 */
export type Given = import("./state.js").Given & {
    error?: HeadwaterError;
};
import { HeadwaterError } from './errors.js';
