/**
 * Keeps a token while it is good.
 *
 * @param {TokenSource | undefined} source
 * @param {{ now: () => number, wall: () => number }} clock
 */
export function keep(source: TokenSource | undefined, { now, wall }: {
    now: () => number;
    wall: () => number;
}): {
    refuse: () => boolean;
    get: (signal: AbortSignal) => Promise<string>;
    readonly until: number;
};
/**
 * A token, or a function that gets one. `refused` is true when the last one was answered with 401: then a copy that the
 * application keeps is no good. An empty one means none.
 */
export type TokenSource = string | ((asked: {
    refused: boolean;
}) => string | null | undefined | Promise<string | null | undefined>);
