/**
 * Remembers steps, from this position on.
 *
 * @param {string} end how far it goes
 */
export function ring(end: string): {
    push: (step: Step) => void;
    after: (positions: string[]) => Step[];
    readonly end: string;
};
export type Step = import("./member.js").Step;
