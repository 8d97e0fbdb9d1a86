/** The cursor of one source. Where storage is full or forbidden, it is not kept, which is said once. */
export class Store {
    /** @param {string} name @param {Outside} outside */
    static open(name: string, outside: Outside): Promise<Store>;
    /** @param {string} name @param {Outside} outside */
    constructor(name: string, outside: Outside);
    /** What the page had before; empty: none is kept. */
    cursor: string;
    /** @param {string} cursor */
    write(cursor: string): void;
    #private;
}
export type Outside = Pick<import("./environment.js").Environment, "storage" | "locks" | "luck" | "warn" | "setTimer">;
