// Who may lead: the browser gives the lock to one of all. A tab's, or a SharedWorker's.

import { Leader } from './leader.js';

/** @typedef {Pick<LockManager, 'request'>} Locks */

export class Candidate {
  /** @type {Leader | null} */
  leader = null;
  #name;
  #settings;
  #outside;
  #tell;
  #refused;
  /** Ends the waiting, or the leading. @type {AbortController | null} */
  #standing = null;

  /**
   * @param {string} name
   * @param {import('../connection.js').Settings} settings
   * @param {import('../environment.js').Environment} outside
   * @param {(message: import('./leader.js').Told) => void} tell
   * @param {(why: unknown) => void} refused there is no lock for this page
   */
  constructor(name, settings, outside, tell, refused) {
    this.#name = name;
    this.#settings = settings;
    this.#outside = outside;
    this.#tell = tell;
    this.#refused = refused;
  }

  /** Waits to lead; or, when nobody answers who leads, takes the lock. @param {boolean} [steal] */
  stand(steal) {
    this.withdraw();
    const standing = new AbortController();
    const { signal } = standing;
    this.#standing = standing;
    const locks = locksOf(this.#outside);
    locks?.request(this.#name, steal ? { steal } : { signal }, () => this.#lead(signal)).catch((error) => {
      // Robbed, or refused; unless it was we who went.
      if (signal.aborted) return;
      this.withdraw();
      if (error.name === 'AbortError') this.stand();
      else this.#refused(error.message);
    });
  }

  /** Leads no more, and does not want to. */
  withdraw() {
    this.#standing?.abort();
    this.#standing = null;
    this.leader?.end();
    this.leader = null;
  }

  /** @param {AbortSignal} signal @returns {Promise<void>} the lock is held for so long */
  async #lead(signal) {
    if (signal.aborted) return;
    this.leader = new Leader(String(this.#outside.luck()).slice(2), this.#settings, this.#outside, this.#tell);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
}

/** @param {import('../environment.js').Environment} outside @returns {Locks | undefined} none on plain `http://` */
export const locksOf = ({ locks = globalThis.navigator?.locks }) => locks;
