export function environment(): Environment;
/**
 * What a page goes through: the network is back, or it is looked at; it is frozen, or put away whole; it goes on; there must be
 * another connection.
 */
export type Lifecycle = "nudge" | "sleep" | "wake" | "change";
/**
 * What a page goes through: the network is back, or it is looked at; it is frozen, or put away whole; it goes on; there must be
 * another connection.
 */
export type Environment = {
    fetch: typeof fetch;
    /**
     * what a relative URL is relative to
     */
    base: string | undefined;
    /**
     * the page's origin
     */
    page: string | undefined;
    /**
     * milliseconds, never back
     */
    now: () => number;
    /**
     * milliseconds since 1970, as far as they can be believed
     */
    wall: () => number;
    /**
     * from 0 to 1
     */
    luck: () => number;
    setTimer: (run: () => void, after: number) => unknown;
    clearTimer: (timer: any) => void;
    watch: (tell: (what: Lifecycle) => void, until: AbortSignal) => void;
    /**
     * an error of the application's own
     */
    report: (error: unknown) => void;
    warn: (text: unknown) => void;
    /**
     * may throw
     */
    storage?: (() => Pick<Storage, "getItem" | "setItem">) | undefined;
    locks?: Pick<LockManager, "request"> | undefined;
    channel?: ((name: string) => Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">) | undefined;
};
