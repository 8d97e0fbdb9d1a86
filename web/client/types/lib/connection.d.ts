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
    /**
     * @param {Settings} settings
     * @param {string} position
     * @param {import('./environment.js').Environment} outside
     * @param {Receiver} receiver
     */
    constructor(settings: Settings, position: string, outside: import("./environment.js").Environment, receiver: Receiver);
    /** What the next request goes on from: a cursor, or the last event id of a server that has none. */
    position: string;
    settings: Settings;
    outside: import("./environment.js").Environment;
    state: State;
    /** Polls stand in for the stream. */
    polling: boolean;
    receiver: Receiver;
    lastEventId: string;
    /**
     * Something happened to the page, or to what it wants.
     *
     * @param {'start' | 'nudge' | 'sleep' | 'wake' | 'change' | 'end'} what
     */
    page(what: "start" | "nudge" | "sleep" | "wake" | "change" | "end"): void;
    /** @param {import('./state.js').Happening} what @param {import('./state.js').Given} [given] @param {HeadwaterError} [error] */
    tell(what: import("./state.js").Happening, given?: import("./state.js").Given, error?: HeadwaterError): void;
    /** @param {Line} line @param {Promise<void>} work */
    guard(line: Line, work: Promise<void>): void;
    /** A line beside the main one, in place of an earlier one; without `open` just its end. @param {boolean} [open] */
    beside(open?: boolean): Line;
    /** The line is neither ended nor replaced. @param {Line} line */
    isLive(line: Line): boolean;
    /** @param {any} error */
    known(error: any): HeadwaterError;
    /**
     * The answer, if it is a 200.
     *
     * @param {Line} line
     * @param {number} [timeout] of a long poll, in seconds
     */
    send({ signal }: Line, timeout?: number): Promise<Response>;
    /** @param {Line} line */
    stream(line: Line): Promise<void>;
    /** Goes on from there, unless it has been farther. @param {string} id */
    move(id: string): void;
    /**
     * Moves on to the event. False if it has been here.
     *
     * @param {import('../decoder.js').DecodedEvent} event
     */
    admit(event: import("../decoder.js").DecodedEvent): boolean;
    /** A read's events are out: waits, if they are too many. */
    passed(): Promise<void>;
    #private;
}
/**
 * Who gets what comes.
 */
export type Receiver = {
    take: (event: import("../decoder.js").DecodedEvent, origin: string) => void;
    /**
     * what is no event of the server's
     */
    emit: (event: Event) => void;
    /**
     * all of a read has been given out
     */
    passed: () => void;
    /**
     * something to wait for before reading on
     */
    room: () => Promise<void> | null;
    /**
     * null: it is over
     */
    failed: (error: HeadwaterError, retryIn: number | null) => void;
};
/**
 * Who gets what comes.
 */
export type More = {
    policy: import("./state.js").Policy;
    token?: import("./token.js").TokenSource | undefined;
    limits?: Partial<import("../decoder.js").DecoderLimits> | undefined;
    /**
     * instead of what the server says
     */
    silence?: number | undefined;
    comments?: boolean | undefined;
};
/**
 * Who gets what comes.
 */
export type Settings = import("./request.js").Fixed & More;
/**
 * a request that is under way
 */
export type Line = AbortController;
/**
 * Who gets what comes.
 */
export type Fallback = import("./fallback.js").Fallback;
import { State } from './state.js';
import { HeadwaterError } from './errors.js';
