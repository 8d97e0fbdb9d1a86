/** The cursor of one source. Where storage is full or forbidden, it is not kept, which is said once. */
export class Store {
    /** @param {string} name @param {Outside} outside */
    constructor(name: string, outside: Outside);
    /** @returns {Promise<string>} empty: none is kept */
    open(): Promise<string>;
    /** @param {string} cursor */
    write(cursor: string): void;
    #private;
}
export type Outside = Pick<import("./environment.js").Environment, "storage" | "locks" | "luck" | "warn" | "setTimer">;
