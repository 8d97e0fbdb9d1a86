/**
 * @typedef {object} Answer
 * @property {string} lastEventID looked up to here: what the next poll sends
 * @property {boolean} more the page was full
 * @property {import('./connection.js').Between | null} [gap]
 * @property {(import('./connection.js').Received & { retry?: number })[]} updates
 */
/** @param {import('./connection.js').Connection} connection */
export function fallback(connection: import("./connection.js").Connection): {
    doubt: () => void;
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
    gap?: import("./connection.js").Between | null | undefined;
    updates: (import("./connection.js").Received & {
        retry?: number;
    })[];
};
