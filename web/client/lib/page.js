// What a page goes through, and the machine it is on. Loaded beside the first request.

/** @typedef {import('./environment.js').Lifecycle} Lifecycle */

/** Clocks differ by a little; on a machine that slept by more. */
const SLEPT = 1_000;

/** @param {(what: Lifecycle) => void} tell @param {AbortSignal} signal */
export function watch(tell, signal) {
  const { document } = globalThis;
  // `performance.now()` does not count everywhere what the machine sleeps. A wall clock that is set back changes nothing; one that
  // is set forward looks like sleep.
  const difference = () => Date.now() - performance.now();
  let before = difference();
  /** @param {any} target @param {string} type @param {(event: any) => void} run */
  const on = (target, type, run) => target?.addEventListener?.(type, run, { signal });
  const nudge = () => {
    const slept = difference() - before;
    // From here: clocks drift apart.
    before += slept;
    // Then the stream is dead, whatever it looks like.
    if (slept > SLEPT) tell('change');
    tell('nudge');
  };
  on(globalThis, 'online', nudge);
  on(document, 'visibilitychange', () => document.hidden || nudge());
  // A page that can come back keeps its sources, and must not keep their streams: what comes while it is frozen is lost in
  // the thaw, and the connection is one of six.
  on(document, 'freeze', () => tell('sleep'));
  on(document, 'resume', () => tell('wake'));
  on(globalThis, 'pagehide', () => tell('sleep'));
  on(globalThis, 'pageshow', ({ persisted }) => persisted && tell('wake'));
}
