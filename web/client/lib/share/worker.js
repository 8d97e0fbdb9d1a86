// A leader in a SharedWorker: it outlives the tab that made it.

import { environment } from '../environment.js';
import { settle } from '../options.js';
import { candidate } from './leader.js';
import { open, VERSION } from './shared.js';

/**
 * Leads for the tabs that give this worker's URL as `share: { worker }`.
 *
 * @param {any} [scope] for tests: the worker's global scope
 * @param {import('../environment.js').Environment} [outside] for tests
 */
export function serve(scope = globalThis, outside = environment()) {
  /**
   * What leads by now, by its name.
   *
   * @type {Map<string, { token: any, leader: ReturnType<typeof candidate>, channel: ReturnType<typeof open> }>}
   */
  const leaders = new Map();
  scope.onconnect = (/** @type {MessageEvent} */ { ports: [port] }) => {
    port.onmessage = ({ data: { name, options } }) => {
      const [version, url, identity] = JSON.parse(name);
      // A tab with another version gets no answer, and leads itself.
      if (version !== VERSION) return;
      // Who gives another token than the one before has the fresher one.
      const before = leaders.get(name);
      const { token } = options;
      if (before && before.token === token) return;
      before?.leader.withdraw();
      before?.channel.close();
      const settings = settle(url, { ...options, topics: [] }, outside);
      if (identity === null) settings.init.credentials = 'omit';
      const channel = open(name, outside);
      const leader = candidate(name, settings, outside, (told) => channel.postMessage(told), outside.warn);
      leaders.set(name, { token, leader, channel });
      channel.onmessage = ({ data }) => data.from && leader.hear(data);
      leader.stand();
    };
  };
}
