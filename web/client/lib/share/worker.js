// The same coordinator in a SharedWorker: it outlives the tab that made it, and leads as long as there is one.

import { environment } from '../environment.js';
import { settle } from '../options.js';
import { Candidate } from './candidate.js';
import { anonymous, open, VERSION } from './shared.js';

/**
 * Leads for the tabs that give this worker's URL as `share: { worker }`.
 *
 * @param {any} [scope] for tests: the worker's global scope
 * @param {import('../environment.js').Environment} [outside] for tests
 */
export function serve(scope = globalThis, outside = environment()) {
  /** @type {Map<string, { token: string, candidate: Candidate }>} */
  const standing = new Map();
  scope.onconnect = (/** @type {MessageEvent} */ { ports: [port] }) => {
    port.onmessage = ({ data: { version, name, url, options, isAnonymous } }) => {
      if (version !== VERSION) {
        port.postMessage('another version');
        return;
      }
      const before = standing.get(name);
      // A tab that comes later has a token that is good for longer.
      if (before && before.token === options.token) return;
      before?.candidate.withdraw();
      const channel = open(name, outside);
      const settings = settle(url, { ...options, topics: [] }, outside);
      const candidate = new Candidate(name, isAnonymous ? anonymous(settings) : settings, outside,
        (message) => channel.postMessage(message), (why) => outside.warn(`Headwater cannot lead from a worker: ${why}`));
      channel.onmessage = ({ data }) => {
        if ('from' in data) candidate.leader?.hear(data);
      };
      standing.set(name, { token: options.token, candidate });
      candidate.stand();
    };
  };
}
