// Listeners, each of which may throw.

/** @typedef {((event: any) => unknown) | { handleEvent: (event: any) => unknown }} Callback */

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
      this.addEventListener(name, (event) => /** @type {any} */ (this)[`on${name}`]?.(event));
    }
  }

  /**
   * @template {string} T
   * @param {T} type
   * @param {import('./events.js').Listener<T>} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener && this.#guard(listener), options);
  }

  /**
   * @template {string} T
   * @param {T} type
   * @param {import('./events.js').Listener<T>} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    // Node takes away what ran `once` by what it was given, which is the guarded one.
    super.removeEventListener(type, this.#guarded.get(/** @type {any} */ (listener)) ?? /** @type {any} */ (listener), options);
  }

  /** @param {Callback} listener */
  #guard(listener) {
    let guarded = this.#guarded.get(listener);
    if (!guarded) {
      guarded = async (event) => {
        try {
          await (typeof listener === 'function' ? listener.call(this, event) : listener.handleEvent(event));
        } catch (error) {
          this.#report(error);
        }
      };
      this.#guarded.set(listener, guarded);
    }
    return guarded;
  }
}
