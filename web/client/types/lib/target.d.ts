/** @typedef {((event: any) => unknown) | { handleEvent: (event: any) => unknown }} Callback */
/**
 * An EventTarget with `on…` handlers. What a listener throws, or rejects with, is reported and goes no further: Node's own
 * EventTarget would end the process.
 */
export class Target extends EventTarget {
    /**
     * @param {(error: unknown) => void} report
     */
    constructor(report: (error: unknown) => void);
    /**
     * @template {string} T
     * @param {T} type
     * @param {import('./events.js').Listener<T>} listener
     * @param {boolean | AddEventListenerOptions} [options]
     */
    addEventListener<T extends string>(type: T, listener: import("./events.js").Listener<T>, options?: boolean | AddEventListenerOptions): void;
    /**
     * @template {string} T
     * @param {T} type
     * @param {import('./events.js').Listener<T>} listener
     * @param {boolean | EventListenerOptions} [options]
     */
    removeEventListener<T extends string>(type: T, listener: import("./events.js").Listener<T>, options?: boolean | EventListenerOptions): void;
    #private;
}
export type Callback = ((event: any) => unknown) | {
    handleEvent: (event: any) => unknown;
};
