/**
 * @typedef {object} SourceOptions
 * @property {boolean} [withCredentials] send cookies to another origin, too
 * @property {string[]} [topics] topics, or selectors of topics (`*`, or a URI template), to subscribe to
 * @property {import('./token.js').TokenSource} [token] sent as `Authorization: Bearer`
 * @property {HeadersInit} [headers] headers of your own
 * @property {string} [method] GET by default
 * @property {BodyInit | null} [body]
 * @property {boolean} [repeat] whether the request may be sent again when the stream ends or breaks: true for GET, else false: a
 *   POST might do something twice
 * @property {RequestRedirect} [redirect] with headers or a body of your own `error`, else `follow`
 * @property {typeof fetch} [fetch] instead of the global one
 * @property {AbortSignal} [signal] closes the source
 * @property {string} [cursor] go on after this event, or from `earliest`: the earliest that the hub holds
 * @property {string} [store] a name under which the cursor survives a reload of this tab; it goes before `cursor`
 * @property {boolean | string | { identity?: string, worker?: string | URL }} [share] one connection for all tabs of the browser.
 *   `true` is for what is public. With a token or cookies it takes a text that says whose they are, and differs from user to user
 * @property {('topic' | 'selector')[]} [include] what events shall tell of themselves: see `ServerEvent`
 * @property {boolean} [comments] dispatch comments as `comment` events
 * @property {boolean} [strict] as a browser's `EventSource`: every status but 200 is final. Else 429 and 5xx are tried again
 * @property {number} [silence] for how long, in milliseconds, a stream may be silent before it is taken for dead; Infinity: for
 *   ever. By default what the server's `Headwater-Heartbeat` says, else 60 s of a hub, and Infinity of anything else
 * @property {number} [retry] the reconnection time, in milliseconds, until the server sets one: 1,000
 * @property {number} [timeout] how long, in milliseconds, to wait for an answer: 30,000
 * @property {boolean} [longPoll] whether to poll a hub when something on the way swallows its streams: true
 * @property {boolean} [hub] whether the server speaks the Mercure protocol. By default what has `topics`, or the path
 *   `/.well-known/mercure`, does
 * @property {Partial<import('../decoder.js').DecoderLimits>} [limits]
 */
/**
 * @param {string | URL} address
 * @param {SourceOptions} options
 * @param {import('./environment.js').Environment} outside
 * @returns {import('./connection.js').Settings}
 */
export function settle(address: string | URL, options: SourceOptions, outside: import("./environment.js").Environment): import("./connection.js").Settings;
export type SourceOptions = {
    /**
     * send cookies to another origin, too
     */
    withCredentials?: boolean | undefined;
    /**
     * topics, or selectors of topics (`*`, or a URI template), to subscribe to
     */
    topics?: string[] | undefined;
    /**
     * sent as `Authorization: Bearer`
     */
    token?: import("./token.js").TokenSource | undefined;
    /**
     * headers of your own
     */
    headers?: HeadersInit | undefined;
    /**
     * GET by default
     */
    method?: string | undefined;
    body?: BodyInit | null | undefined;
    /**
     * whether the request may be sent again when the stream ends or breaks: true for GET, else false: a
     * POST might do something twice
     */
    repeat?: boolean | undefined;
    /**
     * with headers or a body of your own `error`, else `follow`
     */
    redirect?: RequestRedirect | undefined;
    /**
     * instead of the global one
     */
    fetch?: typeof fetch | undefined;
    /**
     * closes the source
     */
    signal?: AbortSignal | undefined;
    /**
     * go on after this event, or from `earliest`: the earliest that the hub holds
     */
    cursor?: string | undefined;
    /**
     * a name under which the cursor survives a reload of this tab; it goes before `cursor`
     */
    store?: string | undefined;
    /**
     * one connection for all tabs of the browser.
     * `true` is for what is public. With a token or cookies it takes a text that says whose they are, and differs from user to user
     */
    share?: string | boolean | {
        identity?: string;
        worker?: string | URL;
    } | undefined;
    /**
     * what events shall tell of themselves: see `ServerEvent`
     */
    include?: ("topic" | "selector")[] | undefined;
    /**
     * dispatch comments as `comment` events
     */
    comments?: boolean | undefined;
    /**
     * as a browser's `EventSource`: every status but 200 is final. Else 429 and 5xx are tried again
     */
    strict?: boolean | undefined;
    /**
     * for how long, in milliseconds, a stream may be silent before it is taken for dead; Infinity: for
     * ever. By default what the server's `Headwater-Heartbeat` says, else 60 s of a hub, and Infinity of anything else
     */
    silence?: number | undefined;
    /**
     * the reconnection time, in milliseconds, until the server sets one: 1,000
     */
    retry?: number | undefined;
    /**
     * how long, in milliseconds, to wait for an answer: 30,000
     */
    timeout?: number | undefined;
    /**
     * whether to poll a hub when something on the way swallows its streams: true
     */
    longPoll?: boolean | undefined;
    /**
     * whether the server speaks the Mercure protocol. By default what has `topics`, or the path
     * `/.well-known/mercure`, does
     */
    hub?: boolean | undefined;
    limits?: Partial<import("../decoder.js").DecoderLimits> | undefined;
};
