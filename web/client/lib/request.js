// What is sent: the URL and the headers, as sparing of preflights as the browser's own EventSource.

/** Where a hub listens by the Mercure protocol. */
const WELL_KNOWN = '/.well-known/mercure';
/** What a page may send to another origin without asking it first (Fetch, "CORS-safelisted request-header"). */
const SAFE_HEADERS = /^(accept|(accept|content)-language)$/;

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

/**
 * What does not change from one request to the next.
 *
 * @typedef {object} Fixed
 * @property {URL} url a hub's without a cursor
 * @property {string} href as the application gave it, in full
 * @property {string} cursor where the first request begins
 * @property {boolean} hub it speaks the Mercure protocol: topics, a cursor in the query, `include`
 * @property {string} [page] the origin of the page; none outside of browsers
 * @property {RequestInit} init with the headers of the application's own
 * @property {string[]} include
 * @property {Set<string>} topics as they are wanted now
 * @property {boolean} byTopic topics say what is wanted: without any it is nothing
 */

/**
 * @param {Fixed} fixed
 * @param {string} accept
 * @param {string} cursor
 * @param {string} [token]
 * @param {string} [timeout] of a long poll, in seconds
 * @returns {[url: string, init: RequestInit]}
 */
export function build({ url: address, hub, page, init, topics, include }, accept, cursor, token, timeout) {
  const url = new URL(address);
  const headers = new Headers(init.headers);
  headers.set('Accept', accept);
  if (token) headers.set('Authorization', `Bearer ${token}`);
  // Last-Event-ID is free for the native EventSource only. From us it would cost a request before each request to another
  // origin, so there the query has it, which hubs read as well. So it has what a header would lose or refuse.
  const isSpare = page && page !== url.origin && [...headers.keys()].every((name) => SAFE_HEADERS.test(name));
  const inQuery = hub && (isSpare || /^\s|\s$|[\0-\x1f\x7f]/.test(cursor));
  const query = url.searchParams;
  if (hub) {
    query.delete('topic');
    for (const topic of topics) query.append('topic', topic);
    query.append('include', include.join());
    if (timeout) query.set('timeout', timeout);
  }
  if (cursor && inQuery) query.set('lastEventID', cursor);
  else if (cursor) headers.set('Last-Event-ID', binary(cursor));
  return [url.href, { ...init, headers }];
}
