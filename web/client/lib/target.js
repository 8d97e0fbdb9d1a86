// Listeners, each of which may throw.

/** @typedef {((event: any) => unknown) | { handleEvent: (event: any) => unknown }} Callback */

/** @param {unknown} result @returns {result is PromiseLike<unknown>} */
const isPending = (result) => typeof (/** @type {any} */ (result)?.then) === 'function';

/**
 * An EventTarget with `on…` handlers. What a listener throws, or rejects with, is reported and goes no further: Node's own
 * EventTarget would end the process.
 */
export class Target extends EventTarget {
  #report;
  /** @type {WeakMap<object, (event: Event) => void>} */
  #guarded = new WeakMap();

  /**
   * @param {(error: unknown) => void} report
   */
  constructor(report) {
    super();
    this.#report = report;
    for (const name of ['open', 'message', 'error', 'gap', 'caughtup', 'comment']) {
      super.addEventListener(name, (event) => {
        const handler = /** @type {any} */ (this)[`on${name}`];
        if (typeof handler === 'function') this.#run(handler, event);
      });
    }
  }

  /**
   * @template {string} T
   * @param {T} type
   * @param {import('./events.js').Listener<T>} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, this.#guard(listener), options);
  }

  /**
   * @template {string} T
   * @param {T} type
   * @param {import('./events.js').Listener<T>} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, this.#guard(listener), options);
  }

  /** @param {Callback | null} listener */
  #guard(listener) {
    if (!listener) return null;
    let guarded = this.#guarded.get(listener);
    if (!guarded) {
      guarded = (event) => this.#run(listener, event);
      this.#guarded.set(listener, guarded);
      // Node takes a listener away by what it was given, which is this.
      this.#guarded.set(guarded, guarded);
    }
    return guarded;
  }

  /** @param {Callback} listener @param {Event} event */
  #run(listener, event) {
    try {
      const result = typeof listener === 'function' ? listener.call(this, event) : listener.handleEvent(event);
      if (isPending(result)) result.then(undefined, this.#report);
    } catch (error) {
      this.#report(error);
    }
  }
}
