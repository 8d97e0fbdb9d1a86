// A subscription through the browser's own EventSource, with its state in words that a page can show.

// EventSource gives up for good on an answer other than 200 (say, a proxy's 502 while the hub restarts). A page that is
// left open all day must not: it opens a new one, from the last id that it saw.
const REOPEN_MS = 3_000;

/** @typedef {'connecting' | 'open' | 'reconnecting' | 'closed'} State */

export class Stream {
  #url;
  #onEvent;
  #onState;
  #lastId = '';
  #wasOpen = false;

  /**
   * @param {URL} url the hub
   * @param {string} topic what to subscribe to
   * @param {{ event: (event: MessageEvent) => void, state: (state: State) => void }} on
   */
  constructor(url, topic, on) {
    this.#url = new URL(url);
    this.#url.searchParams.set('topic', topic);
    this.#onEvent = on.event;
    this.#onState = on.state;
    this.#open();
  }

  #open() {
    // EventSource cannot send a Last-Event-ID with its first request, so that one has it in the query: everything that
    // the hub still holds comes first. When the browser reconnects, its header counts, not the query.
    this.#url.searchParams.set('lastEventID', this.#lastId || 'earliest');
    const source = new EventSource(this.#url);
    this.#onState(this.#wasOpen ? 'reconnecting' : 'connecting');
    source.onopen = () => {
      this.#wasOpen = true;
      this.#onState('open');
    };
    source.onmessage = (event) => {
      this.#lastId = event.lastEventId;
      this.#onEvent(event);
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        this.#onState('closed');
        setTimeout(() => this.#open(), REOPEN_MS);
      } else {
        this.#onState(this.#wasOpen ? 'reconnecting' : 'connecting');
      }
    };
  }
}
