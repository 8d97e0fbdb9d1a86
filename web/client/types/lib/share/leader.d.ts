/**
 * What a tab asks whoever leads: take these topics, and tell what I have missed. Without topics: I go.
 *
 * @typedef {object} Asked
 * @property {number} from
 * @property {number} turn
 * @property {string[]} topics
 * @property {string[]} at positions where it has been
 * @property {boolean} [busy] it takes nothing for now
 * @property {import('../environment.js').Lifecycle} [nudge] something has happened to the page: the network may be another one
 *
 * What the leader tells: how it stands, and what is new.
 *
 * @typedef {object} Told
 * @property {string} term a name for its time as the leader
 * @property {number} tabs
 * @property {string} at its position
 * @property {boolean} open
 * @property {boolean} live nothing old comes any more
 * @property {number} age of the last byte, in milliseconds
 * @property {boolean} [lead] it has just begun
 * @property {number} [turn] the answer to this question: from here on the topics are in the stream
 * @property {import('./member.js').Step[]} [steps]
 * @property {{ kind: import('../errors.js').ErrorKind, message: string, status?: number, retryAfter?: number }} [error]
 * @property {number | null} [retryIn] error
 * @property {string} [alone] share no more, and why
 */
/**
 * Leads, while it has the lock.
 *
 * @param {string} name of the lock
 * @param {import('../connection.js').Settings} shared
 * @param {import('../environment.js').Environment} outside
 * @param {(message: Told) => void} tell
 * @param {(why: string) => void} refused it cannot lead: there is no lock for this page, or the server does not take its token
 */
export function candidate(name: string, shared: import("../connection.js").Settings, outside: import("../environment.js").Environment, tell: (message: Told) => void, refused: (why: string) => void): {
    stand: (steal?: boolean) => void;
    withdraw: () => void;
    hear: (asked: Asked) => void;
    readonly term: string;
};
/** By its selectors each tab knows what is its own. */
export const INCLUDE: string[];
/**
 * What a tab asks whoever leads: take these topics, and tell what I have missed. Without topics: I go.
 */
export type Asked = {
    from: number;
    turn: number;
    topics: string[];
    /**
     * positions where it has been
     */
    at: string[];
    /**
     * it takes nothing for now
     */
    busy?: boolean | undefined;
    /**
     * something has happened to the page: the network may be another one
     *
     * What the leader tells: how it stands, and what is new.
     */
    nudge?: import("../environment.js").Lifecycle | undefined;
};
/**
 * What a tab asks whoever leads: take these topics, and tell what I have missed. Without topics: I go.
 */
export type Told = {
    /**
     * a name for its time as the leader
     */
    term: string;
    tabs: number;
    /**
     * its position
     */
    at: string;
    open: boolean;
    /**
     * nothing old comes any more
     */
    live: boolean;
    /**
     * of the last byte, in milliseconds
     */
    age: number;
    /**
     * it has just begun
     */
    lead?: boolean | undefined;
    /**
     * the answer to this question: from here on the topics are in the stream
     */
    turn?: number | undefined;
    steps?: import("./member.js").Step[] | undefined;
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
