/** @param {(what: Lifecycle) => void} tell @param {AbortSignal} signal */
export function watch(tell: (what: Lifecycle) => void, signal: AbortSignal): void;
export type Lifecycle = import("./environment.js").Lifecycle;
