export class Token {
    /**
     * @param {TokenSource | undefined} source
     * @param {{ now: () => number, wall: () => number }} clock
     */
    constructor(source: TokenSource | undefined, clock: {
        now: () => number;
        wall: () => number;
    });
    /** Until when the last one is good; -Infinity: it was refused. */
    until: number;
    /** The server did not take it. True: another one can be had. */
    refuse(): boolean;
    /** @param {AbortSignal} signal of the attempt that needs it @returns {Promise<string>} empty: none */
    get(signal: AbortSignal): Promise<string>;
    #private;
}
/**
 * A token, or a function that gets one. `refused` is true when the last one was answered with 401: then a copy that the
 * application keeps is no good. An empty one means none.
 */
export type TokenSource = string | ((asked: {
    refused: boolean;
}) => string | null | undefined | Promise<string | null | undefined>);
