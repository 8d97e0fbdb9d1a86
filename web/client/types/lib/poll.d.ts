/**
 * @param {Response} response a 200
 * @returns {Promise<Answer>}
 */
export function readAnswer(response: Response): Promise<Answer>;
export type Answer = {
    /**
     * looked up to here: what the next poll sends
     */
    lastEventID: string;
    /**
     * the page was full
     */
    more: boolean;
    gap: {
        from?: unknown;
        to?: unknown;
    } | undefined;
    updates: (import("../decoder.js").DecodedEvent & {
        retry?: number;
    })[];
};
