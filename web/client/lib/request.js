// What is sent: the URL and the headers, as sparing of preflights as the browser's own EventSource.

/** Names of a cursor in the query: hubs take the last of the first one that is there. */
const CURSOR_NAMES = ['lastEventId', 'last_event_id', 'Last-Event-ID', 'lastEventID'];
/** Where a hub listens by the Mercure protocol. */
const WELL_KNOWN = '/.well-known/mercure';

/** Headers that a page may send to another origin without asking it first (Fetch, "CORS-safelisted request-header"). */
const SAFE_HEADERS = /^(accept|accept-language|content-language)$/;
const SAFE_TYPES = /^(text\/plain|multipart\/form-data|application\/x-www-form-urlencoded)\s*(;|$)/i;

/**
 * A hub's URL as people type it: one without a path gets `/.well-known/mercure`.
 *
 * @param {URL} url
 */
export function hubUrl(url) {
  if (url.pathname === '/') url.pathname = WELL_KNOWN;
  return url;
}

/** @param {URL} url */
export const isHubUrl = (url) => url.pathname.endsWith(WELL_KNOWN);

/**
 * A text as a header carries it: its UTF-8 bytes, each a character (Fetch, "isomorphic encode").
 *
 * @param {string} text
 */
export const binary = (text) => String.fromCharCode(...new TextEncoder().encode(text));

/** What a header would lose or refuse. @param {string} text */
const survives = (text) => !/^\s|\s$|[\0-\x1f\x7f]/.test(text);

/** @param {Headers} headers */
const needPreflight = (headers) => [...headers].some(([name, value]) =>
  (name === 'content-type' ? !SAFE_TYPES.test(value) : !SAFE_HEADERS.test(name)));

/**
 * What does not change from one request to the next.
 *
 * @typedef {object} Fixed
 * @property {URL} url
 * @property {boolean} hub it speaks the Mercure protocol: topics, a cursor in the query, `include`
 * @property {string} [page] the origin of the page; none outside of browsers
 * @property {string} method
 * @property {BodyInit | null} [body]
 * @property {Headers} headers the application's own
 * @property {boolean} withCredentials
 * @property {RequestRedirect} redirect
 * @property {string} include
 * @property {Set<string>} topics as they are wanted now
 *
 * @typedef {object} Asked what this one asks for
 * @property {string} cursor
 * @property {string} [token]
 * @property {number} [timeout] of a long poll, in seconds; a stream when absent
 */

/**
 * @param {Fixed} fixed
 * @param {Asked} asked
 * @returns {{ url: string, init: RequestInit }}
 */
export function build(fixed, { cursor, token, timeout }) {
  const url = new URL(fixed.url);
  const headers = new Headers(fixed.headers);
  const poll = timeout !== undefined;
  headers.set('Accept', poll ? 'application/json' : 'text/event-stream');
  if (token) headers.set('Authorization', `Bearer ${token}`);

  // Last-Event-ID is free for the native EventSource only. From us it would cost a request before each request to another
  // origin, so there the query has it, which hubs read as well.
  const elsewhere = fixed.page !== undefined && fixed.page !== url.origin;
  const spare = elsewhere && !needPreflight(headers) && /^(GET|HEAD|POST)$/.test(fixed.method);
  const inQuery = fixed.hub && cursor !== '' && (spare || !survives(cursor));
  if (fixed.hub) {
    const query = url.searchParams;
    query.delete('topic');
    for (const topic of fixed.topics) query.append('topic', topic);
    query.set('include', fixed.include);
    if (poll) query.set('timeout', String(timeout));
    if (cursor !== '') for (const name of CURSOR_NAMES) query.delete(name);
    if (inQuery) query.set('lastEventID', cursor);
  }
  if (cursor !== '' && !inQuery) headers.set('Last-Event-ID', binary(cursor));
  return {
    url: url.href,
    init: {
      method: fixed.method,
      body: fixed.body,
      headers,
      // Else a browser lets a second request for one URL wait until the first one, a stream, has ended.
      cache: 'no-store',
      credentials: fixed.withCredentials ? 'include' : 'same-origin',
      redirect: fixed.redirect,
    },
  };
}
