/**
 * @typedef {object} Answer
 * @property {string} lastEventID looked up to here: what the next poll sends
 * @property {boolean} more the page was full
 * @property {{ from?: string | null, to?: string | null } | null} [gap]
 * @property {(import('../decoder.js').DecodedEvent & { retry?: number })[]} updates
 */
/** @param {import('./connection.js').Connection} connection */
export function fallback(connection: import("./connection.js").Connection): {
    doubt: () => Promise<void>;
    poll: (line: AbortController) => Promise<void>;
    rest: () => void;
};
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
