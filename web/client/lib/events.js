// What listeners get.

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
export class ServerEvent extends MessageEvent {
  /** @param {import('./connection.js').Received} event */
  constructor(event) {
    super(event.type, event);
    /** Where the event is in the hub's stream: what to keep, to go on from here one day. */
    this.cursor = event.cursor;
    /** The topics it belongs to, as far as they were subscribed to; with `include: ['topic']`. */
    this.topics = event.topics;
    /** Those of the subscribed selectors that it matched; with `include: ['selector']`. */
    this.selectors = event.selectors;
  }

  /**
   * The data, read as JSON.
   *
   * @returns {any}
   * @throws {SyntaxError} it is none; the message says which event that was
   */
  json() {
    try {
      return JSON.parse(this.data);
    } catch (cause) {
      throw new SyntaxError(`event "${this.lastEventId}" is not JSON: ${/** @type {Error} */ (cause).message}`, { cause });
    }
  }
}

/** Events are lost: the hub no longer holds what came between. */
export class GapEvent extends Event {
  /** @param {import('./connection.js').Between} between */
  constructor({ from = null, to = null }) {
    super('gap');
    /** The id of the last event before the gap, if known. */
    this.from = from;
    /** The id of the first event after the gap, if known. */
    this.to = to;
  }
}

/** The stream broke, or could not be opened. `readyState` tells whether it is tried again. */
export class SourceErrorEvent extends Event {
  /**
   * @param {import('./errors.js').HeadwaterError} error
   * @param {number | null} retryIn
   */
  constructor(error, retryIn) {
    super('error');
    /** Why. */
    this.error = error;
    /** Why, in words. */
    this.message = error.message;
    /** The status, if the server answered with one that says no. */
    this.status = error.status;
    /** When it is tried again, in milliseconds; null: it is not. */
    this.retryIn = retryIn;
  }
}
