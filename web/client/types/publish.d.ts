/**
 * @typedef {object} Update
 * @property {string | string[]} topic the first is the canonical one; the others find it too
 * @property {unknown} [data] a text; anything else is sent as JSON
 * @property {boolean} [private] only for subscribers whose token grants one of the topics
 * @property {string} [id] an id of your own; else the hub gives it one, which says where it is in the stream
 * @property {string} [type] the event's type: what `addEventListener` listens for
 * @property {number} [retry] the reconnection time that its receivers take on, in milliseconds
 *
 * @typedef {object} PublishOptions
 * @property {import('./lib/token.js').TokenSource} [token] sent as `Authorization: Bearer`
 * @property {boolean} [withCredentials] send cookies to another origin, too
 * @property {string} [idempotencyKey] of your own, if a publish shall be safe to repeat across reloads, too; else a new one
 * @property {number} [attempts] how often it is tried in all: 5. 1 is never again
 * @property {AbortSignal} [signal]
 * @property {typeof fetch} [fetch] instead of the global one
 */
/**
 * Publishes an update, and returns its id.
 *
 * What is lost on the way is sent again with the same `Idempotency-Key`, so Headwater publishes it once, also if it was the
 * answer that was lost. (A hub that does not know the header may publish it twice; if that is worse than not at all, set
 * `attempts` to 1.)
 *
 * @param {string | URL} url the hub's; one without a path gets `/.well-known/mercure`
 * @param {Update & PublishOptions} update
 * @param {Pick<import('./lib/environment.js').Environment, 'fetch' | 'base' | 'now' | 'wall' | 'luck' | 'setTimer' | 'clearTimer'>}
 *   [outside] for tests
 * @returns {Promise<string>}
 * @throws {HeadwaterError} the last attempt's. Only the network, no answer, and the statuses 429 and beyond 500 are tried again
 */
export function publish(url: string | URL, update: Update & PublishOptions, outside?: Pick<import("./lib/environment.js").Environment, "fetch" | "base" | "now" | "wall" | "luck" | "setTimer" | "clearTimer">): Promise<string>;
export { HeadwaterError };
export type Update = {
    /**
     * the first is the canonical one; the others find it too
     */
    topic: string | string[];
    /**
     * a text; anything else is sent as JSON
     */
    data?: unknown;
    /**
     * only for subscribers whose token grants one of the topics
     */
    private?: boolean | undefined;
    /**
     * an id of your own; else the hub gives it one, which says where it is in the stream
     */
    id?: string | undefined;
    /**
     * the event's type: what `addEventListener` listens for
     */
    type?: string | undefined;
    /**
     * the reconnection time that its receivers take on, in milliseconds
     */
    retry?: number | undefined;
};
export type PublishOptions = {
    /**
     * sent as `Authorization: Bearer`
     */
    token?: import("./lib/token.js").TokenSource | undefined;
    /**
     * send cookies to another origin, too
     */
    withCredentials?: boolean | undefined;
    /**
     * of your own, if a publish shall be safe to repeat across reloads, too; else a new one
     */
    idempotencyKey?: string | undefined;
    /**
     * how often it is tried in all: 5. 1 is never again
     */
    attempts?: number | undefined;
    signal?: AbortSignal | undefined;
    /**
     * instead of the global one
     */
    fetch?: typeof globalThis.fetch | undefined;
};
import { HeadwaterError } from './lib/errors.js';
