export class Ring {
    /** @param {string} start */
    constructor(start: string);
    /** How far it goes. */
    end: string;
    /** @param {Step} step */
    push(step: Step): void;
    /**
     * The steps that someone has missed who has been at these positions; null if they are no longer held.
     *
     * @param {string[]} positions
     */
    after(positions: string[]): import("./member.js").Step[] | null;
    #private;
}
export type Step = import("./member.js").Step;
