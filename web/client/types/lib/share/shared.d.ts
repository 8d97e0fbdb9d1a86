/** Tabs with different versions of this library do not share: they might not understand each other. */
export const VERSION: "0.1.0";
export function anonymous(settings: import("../connection.js").Settings): {
    init: {
        credentials: "omit";
        body?: BodyInit | null;
        cache?: RequestCache;
        headers?: HeadersInit;
        integrity?: string;
        keepalive?: boolean;
        method?: string;
        mode?: RequestMode;
        priority?: RequestPriority;
        redirect?: RequestRedirect;
        referrer?: string;
        referrerPolicy?: ReferrerPolicy;
        signal?: AbortSignal | null;
        window?: null;
    };
    url: URL;
    /**
     * it speaks the Mercure protocol: topics, a cursor in the query, `include`
     */
    hub: boolean;
    /**
     * the origin of the page; none outside of browsers
     */
    page?: string | undefined;
    include: string[];
    /**
     * as they are wanted now
     */
    topics: Set<string>;
    /**
     * topics say what is wanted: without any it is nothing
     */
    byTopic: boolean;
    /**
     * as a browser's `EventSource`: any status but 200 and 204 is final
     */
    strict: boolean;
    /**
     * a request may be sent again
     */
    repeat: boolean;
    /**
     * polls may do where streams do not: doubt streams, and be open with the first byte only
     */
    fallback: boolean;
    /**
     * how long to wait for the answer
     */
    answer: number;
    /**
     * the reconnection time until the server gives one
     */
    retry: number;
    token?: import("../token.js").TokenSource | undefined;
    limits?: Partial<import("../../decoder.js").DecoderLimits> | undefined;
    /**
     * instead of what the server says
     */
    silence?: number | undefined;
    comments?: boolean | undefined;
};
export function open(name: string, { channel }: import("../environment.js").Environment): Pick<BroadcastChannel, "close" | "postMessage" | "onmessage">;
export class Shared {
    /**
     * @param {import('../connection.js').Settings} settings
     * @param {string} position
     * @param {import('../environment.js').Environment} outside
     * @param {import('../connection.js').Receiver} receiver
     * @param {import('../options.js').SourceOptions} options
     */
    constructor(settings: import("../connection.js").Settings, position: string, outside: import("../environment.js").Environment, receiver: import("../connection.js").Receiver, options: import("../options.js").SourceOptions);
    /** @type {Sharing | null} */
    sharing: Sharing | null;
    get position(): string;
    get state(): import("../state.js").State | {
        phase: "waiting" | "connecting" | "open";
    };
    /** @param {import('../environment.js').Lifecycle | 'change' | 'end'} what */
    page(what: import("../environment.js").Lifecycle | "change" | "end"): void;
    #private;
}
export type Sharing = {
    leader: boolean;
    tabs: number;
    age: number;
};
