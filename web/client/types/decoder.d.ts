/** The stream went past one of the limits; `limit` says which. */
export class DecodeError extends HeadwaterError {
    /**
     * @param {keyof DecoderLimits} limit
     * @param {number} max
     */
    constructor(limit: keyof DecoderLimits, max: number);
    limit: keyof DecoderLimits;
}
/**
 * A push decoder for one `text/event-stream`. How the reads cut the stream makes no difference, and the time it takes is
 * linear in the bytes. The end of a stream needs no call: the standard discards what is unfinished then.
 */
export class Decoder {
    /**
     * @param {DecoderHandlers} handlers
     * @param {Partial<DecoderLimits> & { lastEventId?: string }} [options] `lastEventId`: of the stream that this one goes on
     */
    constructor(handlers: DecoderHandlers, { lastEventId, ...limits }?: Partial<DecoderLimits> & {
        lastEventId?: string;
    });
    /**
     * The last event id (HTML standard, 9.2.6): what a client sends when it reconnects, unless it is empty. A block has set it
     * once its blank line was read, also a block without data.
     */
    lastEventId: string;
    /**
     * Reads on.
     *
     * @param {Uint8Array} bytes
     * @throws {DecodeError} past one of the limits, once what came before it has been given out; each time from there
     */
    push(bytes: Uint8Array): void;
    #private;
}
/**
 * A dispatched event.
 */
export type DecodedEvent = {
    /**
     * what `addEventListener` would listen for: `message` when the stream named none
     */
    type: string;
    /**
     * the values of the `data` fields, an LF between each two
     */
    data: string;
    /**
     * the last id that the stream has set up to and including this event; empty when none
     */
    lastEventId: string;
    /**
     * the event's `cursor` field, which hubs add with `include=cursor`
     */
    cursor: string | undefined;
    /**
     * the event's `topic` fields, with `include=topic`
     */
    topics: readonly string[];
    /**
     * the event's `selector` fields, with `include=selector`
     */
    selectors: readonly string[];
};
/**
 * What the decoder calls, in the order of the stream. None may throw: the rest of the read would be lost.
 */
export type DecoderHandlers = {
    /**
     * an event was dispatched
     */
    event?: ((event: DecodedEvent) => void) | undefined;
    /**
     * the reconnection time has changed, as soon as its line is read
     */
    retry?: ((milliseconds: number) => void) | undefined;
    /**
     * what follows the colon of a comment, without one leading space
     */
    comment?: ((text: string) => void) | undefined;
    /**
     * a block without data had a `cursor`: the stream has come so far
     */
    mark?: ((cursor: string) => void) | undefined;
};
/**
 * How much is held for a sender that is not known, in bytes as they arrived.
 */
export type DecoderLimits = {
    /**
     * a line of any kind without its line end: 16 MiB, since an event may be one line
     */
    line: number;
    /**
     * an event's data with the line breaks in it, and its topics and selectors: 16 MiB, since hubs commonly
     * admit 10 MiB
     */
    event: number;
    /**
     * the value of an `id` field: 8 KiB, since it goes back in a header
     */
    id: number;
};
import { HeadwaterError } from './lib/errors.js';
