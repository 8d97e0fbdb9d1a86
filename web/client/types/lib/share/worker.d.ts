/**
 * Leads for the tabs that give this worker's URL as `share: { worker }`.
 *
 * @param {any} [scope] for tests: the worker's global scope
 * @param {import('../environment.js').Environment} [outside] for tests
 */
export function serve(scope?: any, outside?: import("../environment.js").Environment): void;
