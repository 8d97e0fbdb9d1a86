/**
 * What a listener for this type gets. (A server that names its own events so gives a `ServerEvent` there, too: as with the
 * browser's own EventSource, that is to be avoided.)
 *
 * @template {string} T
 * @typedef {T extends 'open' | 'caughtup' | 'sharing' ? Event : T extends 'error' ? SourceErrorEvent : T extends 'gap' ? GapEvent
 *   : T extends 'comment' ? MessageEvent<string> : ServerEvent} EventOf
 */
/**
 * @template {string} T
 * @typedef {((event: EventOf<T>) => unknown) | { handleEvent: (event: EventOf<T>) => unknown } | null} Listener
 */
/** An event from the server. */
export class ServerEvent extends MessageEvent<any> {
    /** @param {import('./connection.js').Received} event */
    constructor(event: import("./connection.js").Received);
    /** Where the event is in the hub's stream: what to keep, to go on from here one day. */
    cursor: string | undefined;
    /** The topics it belongs to, as far as they were subscribed to; with `include: ['topic']`. */
    topics: readonly string[];
    /** Those of the subscribed selectors that it matched; with `include: ['selector']`. */
    selectors: readonly string[];
    /**
     * The data, read as JSON.
     *
     * @returns {any}
     * @throws {SyntaxError} it is none; the message says which event that was
     */
    json(): any;
}
/** Events are lost: the hub no longer holds what came between. */
export class GapEvent extends Event {
    /** @param {import('./connection.js').Between} between */
    constructor({ from, to }: import("./connection.js").Between);
    /** The id of the last event before the gap, if known. */
    from: string | null;
    /** The id of the first event after the gap, if known. */
    to: string | null;
}
/** The stream broke, or could not be opened. `readyState` tells whether it is tried again. */
export class SourceErrorEvent extends Event {
    /**
     * @param {import('./errors.js').HeadwaterError} error
     * @param {number | null} retryIn
     */
    constructor(error: import("./errors.js").HeadwaterError, retryIn: number | null);
    /** Why. */
    error: import("./errors.js").HeadwaterError;
    /** Why, in words. */
    message: string;
    /** The status, if the server answered with one that says no. */
    status: number | undefined;
    /** When it is tried again, in milliseconds; null: it is not. */
    retryIn: number | null;
}
/**
 * What a listener for this type gets. (A server that names its own events so gives a `ServerEvent` there, too: as with the
 * browser's own EventSource, that is to be avoided.)
 */
export type EventOf<T extends string> = T extends "open" | "caughtup" | "sharing" ? Event : T extends "error" ? SourceErrorEvent : T extends "gap" ? GapEvent : T extends "comment" ? MessageEvent<string> : ServerEvent;
export type Listener<T extends string> = ((event: EventOf<T>) => unknown) | {
    handleEvent: (event: EventOf<T>) => unknown;
} | null;
