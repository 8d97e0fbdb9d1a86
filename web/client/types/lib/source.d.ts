/**
 * Events from a server, as the browser's `EventSource` gives them, and more: see the package's README.
 *
 * Dispatches `open`, `message` and the server's own types (`ServerEvent`), `error` (`SourceErrorEvent`), `gap` (`GapEvent`),
 * `caughtup` when all that was published before has come, and `comment` (`MessageEvent`) on request.
 */
export class Source extends Target {
    static CONNECTING: number;
    static OPEN: number;
    static CLOSED: number;
    /**
     * Starts to connect.
     *
     * @param {string | URL} url
     * @param {import('./options.js').SourceOptions} [options]
     * @param {import('./environment.js').Environment} [outside] for tests: the network, the clock, the page
     * @throws {DOMException} a `SyntaxError`: the URL is none
     */
    constructor(url: string | URL, options?: import("./options.js").SourceOptions, outside?: import("./environment.js").Environment);
    CONNECTING: number;
    OPEN: number;
    CLOSED: number;
    /** @type {((event: Event) => unknown) | null} */
    onopen: ((event: Event) => unknown) | null;
    /** @type {((event: ServerEvent) => unknown) | null} */
    onmessage: ((event: ServerEvent) => unknown) | null;
    /** @type {((event: SourceErrorEvent) => unknown) | null} */
    onerror: ((event: SourceErrorEvent) => unknown) | null;
    /** @type {((event: import('./events.js').GapEvent) => unknown) | null} */
    ongap: ((event: import("./events.js").GapEvent) => unknown) | null;
    /** @type {((event: Event) => unknown) | null} */
    oncaughtup: ((event: Event) => unknown) | null;
    /** @type {((event: MessageEvent<string>) => unknown) | null} */
    oncomment: ((event: MessageEvent<string>) => unknown) | null;
    /** The URL, in full. */
    url: string;
    /** Whether cookies go to another origin. */
    withCredentials: boolean;
    get readyState(): 0 | 1 | 2;
    /**
     * Where the application is in the stream: after the event that it was given last, also while a listener looks at it. Keep it
     * with what you made of the events, and give it as the option `cursor` to go on from there. Empty: nowhere yet.
     */
    get cursor(): string;
    /**
     * With the option `share`: how the connection is shared. `leader`: this source holds it; `tabs`: how many share it; `age`: how
     * long ago its last byte came, in milliseconds, when that was last told. Null: it is not shared, or not yet. A `sharing` event
     * tells when `leader` or `tabs` has changed.
     *
     * @returns {import('./share/shared.js').Sharing | null}
     */
    get sharing(): import("./share/shared.js").Sharing | null;
    /** What is subscribed to. */
    get topics(): string[];
    /**
     * Adds topics, or selectors of topics. Nothing of the others is lost or doubled meanwhile.
     *
     * @param {...string} topics
     */
    subscribe(...topics: string[]): void;
    /**
     * Takes topics away. Without any, there is no connection until one is added.
     *
     * @param {...string} topics
     */
    unsubscribe(...topics: string[]): void;
    /** Ends it. No event follows. */
    close(): void;
    /**
     * Each event of any type, for `for await`, of which there can be one. Reading stops while the loop is behind. Leaving the loop
     * closes the source; the loop ends when the source is closed, and throws what ended it otherwise.
     *
     * @returns {AsyncGenerator<ServerEvent, void>}
     */
    [Symbol.asyncIterator](): AsyncGenerator<ServerEvent, void>;
    #private;
}
import { Target } from './target.js';
import { ServerEvent } from './events.js';
import { SourceErrorEvent } from './events.js';
