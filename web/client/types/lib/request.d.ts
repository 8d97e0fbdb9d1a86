/**
 * A hub's URL as people type it: one without a path gets `/.well-known/mercure`.
 *
 * @param {URL} url
 */
export function hubUrl(url: URL): URL;
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
export function build(fixed: Fixed, { cursor, token, timeout }: Asked): {
    url: string;
    init: RequestInit;
};
export function isHubUrl(url: URL): boolean;
export function binary(text: string): string;
/**
 * What does not change from one request to the next.
 */
export type Fixed = {
    url: URL;
    /**
     * it speaks the Mercure protocol: topics, a cursor in the query, `include`
     */
    hub: boolean;
    /**
     * the origin of the page; none outside of browsers
     */
    page?: string | undefined;
    method: string;
    body?: BodyInit | null | undefined;
    /**
     * the application's own
     */
    headers: Headers;
    withCredentials: boolean;
    redirect: RequestRedirect;
    include: string;
    /**
     * as they are wanted now
     */
    topics: Set<string>;
};
/**
 * what this one asks for
 */
export type Asked = {
    cursor: string;
    token?: string | undefined;
    /**
     * of a long poll, in seconds; a stream when absent
     */
    timeout?: number | undefined;
};
