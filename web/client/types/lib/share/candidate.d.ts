/** @typedef {Pick<LockManager, 'request'>} Locks */
export class Candidate {
    /**
     * @param {string} name
     * @param {import('../connection.js').Settings} settings
     * @param {import('../environment.js').Environment} outside
     * @param {(message: import('./leader.js').Told) => void} tell
     * @param {(why: unknown) => void} refused there is no lock for this page
     */
    constructor(name: string, settings: import("../connection.js").Settings, outside: import("../environment.js").Environment, tell: (message: import("./leader.js").Told) => void, refused: (why: unknown) => void);
    /** @type {Leader | null} */
    leader: Leader | null;
    /** Waits to lead; or, when nobody answers who leads, takes the lock. @param {boolean} [steal] */
    stand(steal?: boolean): void;
    /** Leads no more, and does not want to. */
    withdraw(): void;
    #private;
}
export function locksOf({ locks }: import("../environment.js").Environment): Locks | undefined;
export type Locks = Pick<LockManager, "request">;
import { Leader } from './leader.js';
