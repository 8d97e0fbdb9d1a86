export class Ring {
    /** @param {string} start */
    constructor(start: string);
    /** How far it goes. */
    end: string;
    /** @param {Step} step */
    push(step: Step): void;
    /**
     * The steps that someone has missed who has been at these positions. If they are no longer held, one that leads here from
     * nowhere: it cannot be placed.
     *
     * @param {string[]} positions
     * @returns {Step[]}
     */
    after(positions: string[]): Step[];
    #private;
}
export type Step = import("./member.js").Step;
