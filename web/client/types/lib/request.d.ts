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
export function build({ url: address, hub, page, init, topics, include }: Fixed, accept: string, cursor: string, token?: string, timeout?: string): [url: string, init: RequestInit];
export function isHubUrl(url: URL): boolean;
export function binary(text: string): string;
/**
 * What does not change from one request to the next.
 */
export type Fixed = {
    /**
     * a hub's without a cursor
     */
    url: URL;
    /**
     * as the application gave it, in full
     */
    href: string;
    /**
     * where the first request begins
     */
    cursor: string;
    /**
     * it speaks the Mercure protocol: topics, a cursor in the query, `include`
     */
    hub: boolean;
    /**
     * the origin of the page; none outside of browsers
     */
    page?: string | undefined;
    /**
     * with the headers of the application's own
     */
    init: RequestInit;
    include: string[];
    /**
     * as they are wanted now
     */
    topics: Set<string>;
    /**
     * topics say what is wanted: without any it is nothing
     */
    byTopic: boolean;
};
