// What an application may set, and what follows from it.

import { hubUrl, isHubUrl } from './request.js';

/** A cursor's names in the query: hubs take the last of the first one that is there. */
const CURSOR_NAMES = ['lastEventId', 'last_event_id', 'Last-Event-ID', 'lastEventID'];
/** The reconnection time until the server gives one. Attempts that fail back off from it, so a start at 1 s is no rush. */
const RETRY = 1_000;
/** A hub answers at once: only a dead host takes so long. */
const ANSWER = 30_000;

/**
 * @typedef {object} SourceOptions
 * @property {boolean} [withCredentials] send cookies to another origin, too
 * @property {string[]} [topics] topics, or selectors of topics (`*`, or a URI template), to subscribe to
 * @property {import('./token.js').TokenSource} [token] sent as `Authorization: Bearer`
 * @property {HeadersInit} [headers] headers of your own
 * @property {string} [method] GET by default
 * @property {BodyInit | null} [body]
 * @property {boolean} [repeat] whether the request may be sent again when the stream ends or breaks: true for GET, else false: a
 *   POST might do something twice
 * @property {RequestRedirect} [redirect] with headers or a body of your own `error`, else `follow`
 * @property {typeof fetch} [fetch] instead of the global one
 * @property {AbortSignal} [signal] closes the source
 * @property {string} [cursor] go on after this event, or from `earliest`: the earliest that the hub holds
 * @property {string} [store] a name under which the cursor survives a reload of this tab; it goes before `cursor`
 * @property {boolean | string | { identity?: string, worker?: string | URL }} [share] one connection for all tabs of the browser.
 *   `true` is for what is public. With a token or cookies it takes a text that says whose they are, and differs from user to user
 * @property {('topic' | 'selector')[]} [include] what events shall tell of themselves: see `ServerEvent`
 * @property {boolean} [comments] dispatch comments as `comment` events
 * @property {boolean} [strict] as a browser's `EventSource`: every status but 200 is final. Else 429 and 5xx are tried again
 * @property {number} [silence] for how long, in milliseconds, a stream may be silent before it is taken for dead; Infinity: for
 *   ever. By default what the server's `Headwater-Heartbeat` says, else 60 s of a hub, and Infinity of anything else
 * @property {number} [retry] the reconnection time, in milliseconds, until the server sets one: 1,000
 * @property {number} [timeout] how long, in milliseconds, to wait for an answer: 30,000
 * @property {boolean} [longPoll] whether to poll a hub when something on the way swallows its streams: true
 * @property {boolean} [hub] whether the server speaks the Mercure protocol. By default what has `topics`, or the path
 *   `/.well-known/mercure`, does
 * @property {Partial<import('../decoder.js').DecoderLimits>} [limits]
 */

/**
 * @param {string | URL} address
 * @param {SourceOptions} options
 * @param {import('./environment.js').Environment} outside
 * @returns {import('./connection.js').Settings}
 */
export function settle(address, options, outside) {
  let url;
  try {
    url = new URL(address, outside.base);
  } catch {
    // What `EventSource` throws.
    throw new DOMException(`"${address}" is no URL`, 'SyntaxError');
  }
  const { method = 'GET', body, topics, longPoll = true, include = [],
    repeat = /^get$/i.test(method),
    hub = Boolean(topics) || isHubUrl(url) } = options;
  let { cursor = '' } = options;
  if (topics) hubUrl(url);
  const { href, searchParams: query } = url;
  // It counts for the first request only.
  if (hub) {
    for (const name of CURSOR_NAMES) {
      cursor ||= query.getAll(name).pop() ?? '';
      query.delete(name);
    }
  }
  const headers = new Headers(options.headers);
  return {
    ...options,
    url,
    href,
    cursor,
    hub,
    page: outside.page,
    init: {
      method,
      body,
      headers,
      // Else a browser lets a second request for one URL wait until the first one, a stream, has ended.
      cache: 'no-store',
      credentials: options.withCredentials ? 'include' : 'same-origin',
      // On the way to another origin browsers take away `Authorization` and nothing else, and who knows what is secret?
      redirect: options.redirect ?? (body != null || [...headers].length ? 'error' : 'follow'),
    },
    include: ['cursor', 'gap', ...include],
    topics: new Set([...query.getAll('topic'), ...(topics ?? [])]),
    byTopic: Boolean(topics),
    repeat,
    fallback: hub && longPoll && method === 'GET',
    answer: options.timeout ?? ANSWER,
    retry: options.retry ?? RETRY,
  };
}
