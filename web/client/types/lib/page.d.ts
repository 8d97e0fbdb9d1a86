/**
 * Whether the machine has slept since the last look: `performance.now()` does not count that everywhere. A wall clock that is set
 * back changes nothing; one that is set forward looks like sleep.
 *
 * @param {() => number} steady
 * @param {() => number} wall
 */
export function sleeper(steady: () => number, wall: () => number): () => boolean;
/** @param {(what: Lifecycle) => void} tell @param {AbortSignal} signal */
export function watch(tell: (what: Lifecycle) => void, signal: AbortSignal): void;
export type Lifecycle = import("./environment.js").Lifecycle;
