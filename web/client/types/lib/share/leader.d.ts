/**
 * @typedef {{ topics: string[], at: string, prior: boolean, turn: number, heard: number }} Follower
 *
 * What a tab says to whoever leads.
 *
 * @typedef {object} Said
 * @property {string} from
 * @property {string} [term] whom it takes for the leader
 * @property {Pick<Follower, 'topics' | 'at' | 'prior' | 'turn'>} [join] take these topics
 * @property {string[]} [tail] what came after these positions?
 * @property {boolean} [ping] are you there?
 * @property {boolean} [nudge] and look after the network
 * @property {boolean} [bye]
 *
 * What the leader says. Each time also its term, and how many tabs there are.
 *
 * @typedef {object} Told
 * @property {string} term
 * @property {number} tabs
 * @property {string} [to] one of them; all otherwise
 * @property {boolean} [lead] here I am
 * @property {{ turn: number, at: string, phase: string, live: boolean }} [ack]
 * @property {{ steps: import('./member.js').Step[] | null, at: string, live: boolean }} [tail]
 * @property {number} [age] of the last byte, in milliseconds
 * @property {import('./member.js').Step[]} [steps]
 * @property {'open' | 'caughtup'} [now]
 * @property {string} [at] caughtup: the position
 * @property {{ kind: import('../errors.js').ErrorKind, message: string, status?: number, retryAfter?: number }} [error]
 * @property {number | null} [retryIn] error
 * @property {string} [alone] share no more, and why
 */
export class Leader {
    /**
     * @param {string} term
     * @param {import('../connection.js').Settings} settings
     * @param {import('../environment.js').Environment} outside
     * @param {(message: Told) => void} tell
     */
    constructor(term: string, settings: import("../connection.js").Settings, outside: import("../environment.js").Environment, tell: (message: Told) => void);
    term: string;
    /** @param {Said} said */
    hear({ from, term, join, tail, nudge, bye }: Said): void;
    /** It leads no more. */
    end(): void;
    #private;
}
/**
 * What a tab says to whoever leads.
 */
export type Follower = {
    topics: string[];
    at: string;
    prior: boolean;
    turn: number;
    heard: number;
};
export type Said = {
    from: string;
    /**
     * whom it takes for the leader
     */
    term?: string | undefined;
    /**
     * take these topics
     */
    join?: Pick<Follower, "at" | "topics" | "turn" | "prior"> | undefined;
    /**
     * what came after these positions?
     */
    tail?: string[] | undefined;
    /**
     * are you there?
     */
    ping?: boolean | undefined;
    /**
     * and look after the network
     */
    nudge?: boolean | undefined;
    /**
     * What the leader says. Each time also its term, and how many tabs there are.
     */
    bye?: boolean | undefined;
};
export type Told = {
    term: string;
    tabs: number;
    /**
     * one of them; all otherwise
     */
    to?: string | undefined;
    /**
     * here I am
     */
    lead?: boolean | undefined;
    ack?: {
        turn: number;
        at: string;
        phase: string;
        live: boolean;
    } | undefined;
    tail?: {
        steps: import("./member.js").Step[] | null;
        at: string;
        live: boolean;
    } | undefined;
    /**
     * of the last byte, in milliseconds
     */
    age?: number | undefined;
    steps?: import("./member.js").Step[] | undefined;
    now?: "open" | "caughtup" | undefined;
    /**
     * caughtup: the position
     */
    at?: string | undefined;
    error?: {
        kind: import("../errors.js").ErrorKind;
        message: string;
        status?: number;
        retryAfter?: number;
    } | undefined;
    /**
     * error
     */
    retryIn?: number | null | undefined;
    /**
     * share no more, and why
     */
    alone?: string | undefined;
};
