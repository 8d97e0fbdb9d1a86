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
    /**
     * @param {Settings} settings
     * @param {string} position
     * @param {import('./environment.js').Environment} outside
     * @param {Receiver} receiver
     */
    constructor(settings: Settings, position: string, outside: import("./environment.js").Environment, receiver: Receiver);
    /** What the next request goes on from: a cursor, or the last event id of a server that has none. */
    position: string;
    /** A poll that is tried beside a stream, or the other way round. @type {Line} */
    beside: Line;
    /** @type {Line} */
    main: Line;
    /**
     * Most networks never need it. Where the settings have it no more, its polls stand in for the stream.
     *
     * @type {ReturnType<import('./fallback.js').fallback> | undefined}
     */
    fallback: ReturnType<typeof import("./fallback.js").fallback> | undefined;
    settings: Settings;
    outside: import("./environment.js").Environment;
    receiver: Receiver;
    state: State;
    /**
     * Something happened to the page, or to what it wants.
     *
     * @param {import('./environment.js').Lifecycle | 'end'} what
     */
    page(what: import("./environment.js").Lifecycle | "end"): void;
    /** @param {import('./state.js').Happening} what @param {import('./state.js').Given} [given] */
    tell(what: import("./state.js").Happening, given?: import("./state.js").Given): void;
    /** Tells itself then that time has passed. @param {number} until */
    tellAt(until: number): void;
    /** @param {Line} line @param {Promise<void>} work */
    guard(line: Line, work: Promise<void>): void;
    /**
     * The answer, if it is a 200 of this type.
     *
     * @param {Line} line
     * @param {string} accept
     * @param {string} [timeout] of a long poll, in seconds
     */
    send({ signal }: Line, accept: string, timeout?: string): Promise<Response>;
    /**
     * @param {Line} line
     * @param {() => void} [takeOver] it is tried beside polls; its first byte makes it the main line
     */
    stream(line: Line, takeOver?: () => void): Promise<void>;
    /** Goes on from there. False if it has been there, or farther. @param {string} id */
    move(id: string): boolean;
    /**
     * Moves on to the event. False if it has been here.
     *
     * @param {import('../decoder.js').DecodedEvent} event
     */
    admit(event: import("../decoder.js").DecodedEvent): boolean;
    /** A read's events are out: waits, if they are too many. @param {AbortSignal} signal */
    passed(signal: AbortSignal): Promise<void>;
    #private;
}
/**
 * Who gets what comes.
 */
export type Received = import("../decoder.js").DecodedEvent & {
    origin?: string;
};
/**
 * An event, and who sent it.
 */
export type Receiver = {
    take: (event: Received) => void;
    /**
     * what is no event of the server's: `open`, `caughtup`, `gap`, `comment`
     */
    emit: (type: string, detail?: any) => unknown;
    /**
     * all of a read has been given out; something to wait for before reading on
     */
    passed: () => Promise<void> | null;
    /**
     * null: it is over
     */
    failed: (error: HeadwaterError, retryIn: number | null) => void;
};
/**
 * the ids around a gap, as far as they are known
 */
export type Between = {
    from?: string | null;
    to?: string | null;
};
/**
 * An event, and who sent it.
 */
export type More = {
    token?: import("./token.js").TokenSource | undefined;
    limits?: Partial<import("../decoder.js").DecoderLimits> | undefined;
    /**
     * instead of what the server says
     */
    silence?: number | undefined;
    comments?: boolean | undefined;
};
/**
 * An event, and who sent it.
 */
export type Settings = import("./request.js").Fixed & import("./state.js").Policy & More;
/**
 * a request that is under way, until it is aborted
 */
export type Line = AbortController;
import { State } from './state.js';
import { HeadwaterError } from './errors.js';
