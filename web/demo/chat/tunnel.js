// A tunnel without a network, for one person on the page: so that one sees what is kept meanwhile.

export class Tunnel {
  inside = false;
  #outer;
  #way = new AbortController();

  /** @param {typeof fetch} fetch */
  constructor(fetch) {
    this.#outer = fetch;
  }

  /** @type {typeof globalThis.fetch} */
  fetch = async (input, init = {}) => {
    if (this.inside) throw new TypeError('offline, by the switch on the page');
    const { signal } = this.#way;
    return this.#outer(input, { ...init, signal: init.signal ? AbortSignal.any([init.signal, signal]) : signal });
  };

  enter() {
    this.inside = true;
    this.#way.abort(new TypeError('offline, by the switch on the page'));
  }

  leave() {
    this.inside = false;
    this.#way = new AbortController();
    // What the browser says when the network is back: the library connects at once, and does not wait out its back-off.
    dispatchEvent(new Event('online'));
  }
}
