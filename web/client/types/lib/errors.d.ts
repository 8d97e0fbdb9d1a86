/**
 * - `network`: refused, reset, no such name, a bad certificate, or an origin that does not admit this page
 * - `timeout`: no answer came in time
 * - `silence`: the stream was open, and not a byte came for too long, not even a heartbeat
 * - `closed`: the server ended the stream
 * - `dismissed`: the server wants no more of us (204)
 * - `refused`: a status that says no
 * - `content-type`: something answered, but not with what was asked for
 * - `limit`: the stream went past a limit of the decoder
 * - `answer`: an answer that cannot be understood
 * - `token`: the application's own `token` function failed
 * - `aborted`: the application's own signal
 *
 * @typedef {'network' | 'timeout' | 'silence' | 'closed' | 'dismissed' | 'refused' | 'content-type' | 'limit' | 'answer'
 *   | 'token' | 'aborted'} ErrorKind
 */
/** Why a stream ended or is being reconnected, or why a publish failed. Its text never holds a token or a URL's query. */
export class HeadwaterError extends Error {
    /**
     * @param {ErrorKind} kind
     * @param {string} message
     * @param {{ status?: number, retryAfter?: number, cause?: unknown }} [more]
     */
    constructor(kind: ErrorKind, message: string, more?: {
        status?: number;
        retryAfter?: number;
        cause?: unknown;
    });
    /** What went wrong: for `switch`. */
    kind: ErrorKind;
    /** The status, when `refused`. */
    status: number | undefined;
    /** How long the server asks to wait, in milliseconds; an hour at the most. */
    retryAfter: number | undefined;
    /** Whether the same may succeed later. */
    get isRetryable(): boolean;
}
export function mediaType(response: Response): string;
export function known(error: any): HeadwaterError;
/**
 * - `network`: refused, reset, no such name, a bad certificate, or an origin that does not admit this page
 * - `timeout`: no answer came in time
 * - `silence`: the stream was open, and not a byte came for too long, not even a heartbeat
 * - `closed`: the server ended the stream
 * - `dismissed`: the server wants no more of us (204)
 * - `refused`: a status that says no
 * - `content-type`: something answered, but not with what was asked for
 * - `limit`: the stream went past a limit of the decoder
 * - `answer`: an answer that cannot be understood
 * - `token`: the application's own `token` function failed
 * - `aborted`: the application's own signal
 */
export type ErrorKind = "network" | "timeout" | "silence" | "closed" | "dismissed" | "refused" | "content-type" | "limit" | "answer" | "token" | "aborted";
