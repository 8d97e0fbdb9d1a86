// What a page goes through. Loaded beside the first request.

/** @typedef {import('./environment.js').Lifecycle} Lifecycle */

/** @param {(what: Lifecycle) => void} tell @param {AbortSignal} signal */
export function watch(tell, signal) {
  const { document } = globalThis;
  /** @param {any} target @param {string} type @param {Lifecycle} what @param {(event: any) => boolean} [counts] */
  const on = (target, type, what, counts) => target?.addEventListener?.(type, (/** @type {any} */ event) => {
    if (!counts || counts(event)) tell(what);
  }, { signal });
  const isKept = (/** @type {PageTransitionEvent} */ { persisted }) => persisted;
  on(globalThis, 'online', 'nudge');
  on(document, 'visibilitychange', 'nudge', () => !document.hidden);
  // A page that can come back keeps its sources, and must not keep their streams: what comes while it is frozen is lost in
  // the thaw, and the connection is one of six.
  on(document, 'freeze', 'sleep');
  on(document, 'resume', 'wake');
  on(globalThis, 'pagehide', 'sleep');
  on(globalThis, 'pageshow', 'wake', isKept);
}
