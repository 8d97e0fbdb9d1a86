/**
 * @template T
 * @implements {AsyncIterator<T, undefined>}
 */
export class Queue<T> implements AsyncIterator<T, undefined> {
    /** @param {{ asked: () => void, room: () => void, taken: (item: T) => void, left: () => void }} on `asked`: what was taken
     *   before has been dealt with */
    constructor(on: {
        asked: () => void;
        room: () => void;
        taken: (item: T) => void;
        left: () => void;
    });
    get full(): boolean;
    /** Something has not been dealt with yet. */
    get busy(): boolean;
    /** @param {T} item */
    push(item: T): void;
    /** No more will come. @param {boolean} failed @param {unknown} [error] */
    end(failed: boolean, error?: unknown): void;
    /** @returns {Promise<IteratorResult<T, undefined>>} */
    next(): Promise<IteratorResult<T, undefined>>;
    /** The loop was left. @returns {Promise<IteratorResult<T, undefined>>} */
    return(): Promise<IteratorResult<T, undefined>>;
    #private;
}
