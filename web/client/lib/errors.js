// What can go wrong, in the terms of what a caller does about it.

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
  constructor(kind, message, more = {}) {
    super(message, more);
    this.name = 'HeadwaterError';
    /** What went wrong: for `switch`. */
    this.kind = kind;
    /** The status, when `refused`. */
    this.status = more.status;
    /** How long the server asks to wait, in milliseconds; an hour at the most. */
    this.retryAfter = more.retryAfter;
  }

  /** Whether the same may succeed later. */
  get isRetryable() {
    const { kind, status = 0 } = this;
    return /network|timeout|silence|closed|token/.test(kind) || status === 429 || status >= 500;
  }
}

/** @param {Response} response the media type without parameters, in lower case */
export const mediaType = (response) =>
  (response.headers.get('Content-Type') ?? '').split(';')[0].trim().toLowerCase();

/**
 * What a request threw, in our terms. It may be anything: `fetch` may be the application's own.
 *
 * @param {any} error
 * @returns {HeadwaterError}
 */
export const known = (error) => (error instanceof HeadwaterError ? error
  : new HeadwaterError('network', `the connection broke: ${error?.cause?.message ?? error?.message ?? error}`, { cause: error }));
