// What goes over the wire: the page's own requests and answers, as they are, for people to look at. And a pair of scissors.

/** So many requests are kept, and so much of each answer: what is shown must not grow with the day. */
const MAX_EXCHANGES = 30;
const MAX_TEXT = 6_000;
/** A replay comes in reads of a megabyte, with thousands of events. So many bytes of it are handed on, and then the page has its turn. */
const PIECE = 16 << 10;
/** The browser's own, also on a page that puts a wire in its place. */
const network = globalThis.fetch.bind(globalThis);

/**
 * One request, and what has come of it so far.
 *
 * @typedef {object} Exchange
 * @property {number} number counts from 1
 * @property {string} method
 * @property {string} path with the query
 * @property {[string, string][]} headers those that the page set
 * @property {string} body what was sent, if it was text
 * @property {number} status 0 until there is an answer
 * @property {[string, string][]} answer the headers of the answer
 * @property {string} text the end of what has been read of its body
 * @property {'asked' | 'reading' | 'ended' | 'cut'} state
 */

/**
 * Give `wire.fetch` to whatever takes a `fetch`. Dispatches `change` when there is something new to see, and before that `read`,
 * with `{ exchange, text }` as its detail, for what has come of an answer.
 */
export class Wire extends EventTarget {
  /** @type {Exchange[]} */
  exchanges = [];
  #count = 0;
  #cuts = new Set();

  /** @type {typeof fetch} */
  fetch = async (input, init = {}) => {
    const url = new URL(input, location.href);
    /** @type {Exchange} */
    const exchange = {
      number: (this.#count += 1),
      method: init.method ?? 'GET',
      path: url.pathname + url.search,
      headers: [...new Headers(init.headers)],
      body: typeof init.body === 'string' || init.body instanceof URLSearchParams ? String(init.body) : '',
      status: 0,
      answer: [],
      text: '',
      state: 'asked',
    };
    this.exchanges.push(exchange);
    if (this.exchanges.length > MAX_EXCHANGES) this.exchanges.shift();
    this.#changed();

    const scissors = new AbortController();
    this.#cuts.add(scissors);
    const end = (state) => {
      this.#cuts.delete(scissors);
      if (exchange.state === 'asked' || exchange.state === 'reading') exchange.state = state;
      this.#changed();
    };
    try {
      const signal = init.signal ? AbortSignal.any([init.signal, scissors.signal]) : scissors.signal;
      const response = await network(input, { ...init, signal });
      exchange.status = response.status;
      exchange.answer = [...response.headers];
      exchange.state = 'reading';
      this.#changed();
      if (!response.body) end('ended');
      else Object.defineProperty(response, 'body', { value: this.#watch(response.body, exchange, end) });
      return response;
    } catch (error) {
      end('cut');
      throw error;
    }
  };

  /** Kills the connections of all that is under way, as a tunnel or a lift does. */
  cut() {
    for (const scissors of this.#cuts) scissors.abort(new TypeError('cut by the button on the page'));
  }

  /** The same bytes in pieces, and a look at them as they pass. */
  #watch(body, exchange, end) {
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let rest = new Uint8Array();
    return new ReadableStream({
      pull: async (controller) => {
        try {
          if (rest.length === 0) {
            const { done, value } = await reader.read();
            if (done) {
              end('ended');
              controller.close();
              return;
            }
            rest = value;
          }
          // Frames are drawn in between, and keys and clicks seen to. Where a browser has no such thing, it is as without.
          await globalThis.scheduler?.postTask(() => {});
          const piece = rest.subarray(0, PIECE);
          rest = rest.subarray(PIECE);
          const text = decoder.decode(piece, { stream: true });
          exchange.text = (exchange.text + text).slice(-MAX_TEXT);
          this.dispatchEvent(new CustomEvent('read', { detail: { exchange, text } }));
          this.#changed();
          controller.enqueue(piece);
        } catch (error) {
          end('cut');
          controller.error(error);
        }
      },
      cancel: (reason) => {
        end('ended');
        return reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/**
 * The request as HTTP/1.1 writes it, with what is secret cut short.
 *
 * @param {Exchange} exchange
 */
export function requestText({ method, path, headers, body }) {
  const lines = [`${method} ${readable(path)}`, ...headers.map(([name, value]) => `${titled(name)}: ${secretless(name, value)}`)];
  return body ? `${lines.join('\n')}\n\n${readable(body)}` : lines.join('\n');
}

/** Headers of an answer that say something about the stream. */
const TELLING = ['content-type', 'last-event-id', 'headwater-heartbeat', 'retry-after'];

/** @param {Exchange} exchange */
export function answerText({ status, answer, state }) {
  if (status === 0) return state === 'asked' ? '…' : 'no answer';
  const headers = answer.filter(([name]) => TELLING.includes(name)).map(([name, value]) => `${titled(name)}: ${value}`);
  return [`${status}`, ...headers].join('\n');
}

const titled = (name) => name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()).replace(/Id$/, 'ID');

const secretless = (name, value) => (/^authorization$/i.test(name) ? value.replace(/(.{16}).+(.{4})$/, '$1…$2') : value);

/** Percent signs are for machines. */
function readable(text) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
