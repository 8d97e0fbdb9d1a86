/**
 * The cursor of one source. Where storage is full or forbidden, it is not kept, which is said once.
 *
 * @param {string} name
 * @param {Outside} outside
 * @returns {Promise<Store>}
 */
export function open(name: string, outside: Outside): Promise<Store>;
export type Outside = Pick<import("./environment.js").Environment, "storage" | "locks" | "luck" | "warn" | "setTimer">;
export type Store = {
    /**
     * what the page had before; empty: none is kept
     */
    cursor: string;
    write: (cursor: string) => void;
};
