// A site of one's own: pages, the library, and whatever else a test has it answer.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { fileURLToPath } from 'node:url';

const CLIENT = fileURLToPath(new URL('../client/', import.meta.url));
const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>A page</title>';

export class Site {
  /** What was asked, but for the library, as { method, url, headers }. */
  requests = [];
  /** Answers, or returns false: then there is a page under every path, and the library under every `…/client/`. */
  answer = () => false;
  #server = http.createServer((request, response) => this.#handle(request, response));

  static async start() {
    const site = new Site();
    site.#server.listen(0, '127.0.0.1');
    await once(site.#server, 'listening');
    site.port = site.#server.address().port;
    return site;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The same, and another origin. */
  get other() {
    return `http://localhost:${this.port}`;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(request, response) {
    const url = new URL(request.url, this.url);
    const [, module] = url.pathname.split('/client/');
    if (module) {
      // A page in a sandbox has no origin, and may load modules all the same.
      response.setHeader('Access-Control-Allow-Origin', '*').setHeader('Content-Type', 'text/javascript');
      const file = await readFile(CLIENT + module).catch(() => null);
      response.writeHead(file ? 200 : 404).end(file);
      return;
    }
    this.requests.push({ method: request.method, url, headers: request.headers });
    if ((await this.answer(request, response, url)) !== false) return;
    response.setHeader('Content-Type', 'text/html').end(PAGE);
  }
}

/**
 * Opens a source in the page, which notes what happens there: `source`, `seen` (the data of all messages) and `log` (what else
 * there was, as { what, at, … }). Returns at once.
 *
 * @param {import('./cdp.js').Tab} tab
 * @param {string} url
 * @param {object} options as JSON
 */
export const follow = (tab, url, options) => tab.evaluate(async (address, settings) => {
  const { Source } = await import('/client/index.js');
  globalThis.seen = [];
  globalThis.log = [];
  globalThis.source = new Source(address, settings);
  globalThis.note = (source) => {
    const log = (what, more) => globalThis.log.push({ what, at: performance.now(), ...more });
    source.onmessage = ({ data }) => globalThis.seen.push(data);
    source.onopen = () => log('open');
    source.ongap = ({ from, to }) => log('gap', { from, to });
    source.onerror = ({ error: { kind }, message, status, retryIn }) => log('error', { kind, message, status, retryIn });
  };
  globalThis.note(globalThis.source);
}, url, options);

/** Waits until the source has been open so many times. */
export const opened = (tab, times = 1) =>
  tab.until((wanted) => globalThis.log.filter(({ what }) => what === 'open').length >= wanted, times);

/** Waits for the last of what is to come, as long as something comes, and returns all that came. */
export async function seen(tab, last) {
  for (let before = 0; ; ) {
    await tab.until((data) => globalThis.seen.includes(data), last).catch(() => {});
    const { seen: all, log } = await tab.evaluate(() => ({ seen: globalThis.seen, log: globalThis.log }));
    if (all.includes(last)) return all;
    if (all.length === before) throw new Error(`no "${last}" after ${all.length} others; then ${JSON.stringify(log.slice(-5))}`);
    before = all.length;
  }
}

/** Waits for an error, and returns it. */
export const failed = (tab) => tab.until(() => globalThis.log.find(({ what }) => what === 'error'));
