/**
 * @typedef {object} Answer
 * @property {string} lastEventID looked up to here: what the next poll sends
 * @property {boolean} more the page was full
 * @property {{ from?: string | null, to?: string | null } | null} [gap]
 * @property {(import('../decoder.js').DecodedEvent & { retry?: number })[]} updates
 */
export class Fallback {
    /** @param {import('./connection.js').Connection} connection */
    constructor(connection: import("./connection.js").Connection);
    /** No first byte, or one silence too many: asks whether polls fare better. */
    doubt(): Promise<void>;
    /** Nothing is to be tried for now. */
    rest(): void;
    /** Polls until it fails. @param {AbortController} line */
    poll(line: AbortController): Promise<void>;
    #private;
}
export type Answer = {
    /**
     * looked up to here: what the next poll sends
     */
    lastEventID: string;
    /**
     * the page was full
     */
    more: boolean;
    gap?: {
        from?: string | null;
        to?: string | null;
    } | null | undefined;
    updates: (import("../decoder.js").DecodedEvent & {
        retry?: number;
    })[];
};
