// All that a source takes from outside: the network, the time, chance, and what the page goes through. Tests bring their own.

/**
 * What a page goes through: the network is back, or it is looked at; it is frozen, or put away whole; it goes on; there must be
 * another connection.
 * @typedef {'nudge' | 'sleep' | 'wake' | 'change'} Lifecycle
 *
 * @typedef {object} Environment
 * @property {typeof fetch} fetch
 * @property {string | undefined} base what a relative URL is relative to
 * @property {string | undefined} page the page's origin
 * @property {() => number} now milliseconds, never back
 * @property {() => number} wall milliseconds since 1970, as far as they can be believed
 * @property {() => number} luck from 0 to 1
 * @property {(run: () => void, after: number) => unknown} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {(tell: (what: Lifecycle) => void, until: AbortSignal) => void} watch
 * @property {(error: unknown) => void} report an error of the application's own
 * @property {(text: unknown) => void} warn
 * @property {() => Pick<Storage, 'getItem' | 'setItem'>} [storage] may throw
 * @property {Pick<LockManager, 'request'>} [locks]
 * @property {(name: string) => Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'>} [channel]
 */

/** @returns {Environment} */
export const environment = () => ({
  fetch: (...request) => fetch(...request),
  base: globalThis.document?.baseURI ?? globalThis.location?.href,
  page: globalThis.location?.origin,
  now: () => performance.now(),
  wall: Date.now,
  luck: Math.random,
  setTimer: (...timer) => setTimeout(...timer),
  clearTimer: (timer) => clearTimeout(timer),
  watch: (tell, until) => import('./page.js').then(({ watch }) => watch(tell, until), () => {}),
  report: (error) => (globalThis.reportError ?? console.warn)(error),
  warn: console.warn,
  locks: globalThis.navigator?.locks,
});
