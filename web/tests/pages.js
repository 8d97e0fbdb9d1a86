// The demo's pages, for what is asked of each of them: a new page is one more row.

import { chromium } from 'playwright-core';

/**
 * @typedef {object} Page
 * @property {string} name for the names of tests and pictures
 * @property {string} path
 * @property {(page: import('playwright-core').Page) => Promise<unknown>} ready waits until it shows what it is there for, and
 *   does what a visitor has to do for that
 */

/** @type {Page[]} */
export const PAGES = [
  { name: 'start', path: '/', ready: (page) => page.waitForFunction(() => window.__points.length >= 4) },
  {
    name: 'dashboard',
    path: '/demo/dashboard/',
    ready: async (page) => {
      await page.waitForFunction(() => window.__points.length >= 4);
      await page.waitForSelector('#network canvas');
    },
  },
  { name: 'news', path: '/demo/news/', ready: (page) => page.waitForFunction(() => document.querySelectorAll('.item').length >= 12) },
  {
    name: 'ticker',
    path: '/demo/ticker/',
    ready: async (page) => {
      await page.waitForFunction(() => Number(document.getElementById('rate').textContent) > 0);
      await page.waitForFunction(() => document.querySelectorAll('tbody tr').length >= 40);
      await page.click('#sum-up');
    },
  },
  {
    name: 'notifications',
    path: '/demo/notifications/',
    ready: async (page) => {
      for (const user of ['alice', 'bob']) {
        await page.check(`[name="to"][value="${user}"]`);
        await page.click('#send');
        await page.waitForSelector(`[data-user="${user}"] .notice`);
        // Until then the form may take the focus.
        await page.waitForSelector('#send:enabled');
      }
    },
  },
  {
    name: 'chat',
    path: '/demo/chat/',
    ready: async (page) => {
      // On a phone there is one person, who talks to nobody.
      const panes = await page.locator('.pane').all();
      const talk = ['Good morning! Does it resume?', 'It does: I closed my laptop, and nothing is missing.', 'And <b>markup</b>?', 'Stays text.'];
      for (const [index, text] of talk.entries()) {
        const pane = panes[index % panes.length];
        await pane.locator('textarea').fill(text);
        await pane.locator('textarea').press('Enter');
        for (const each of panes) await each.locator('.messages:not(.drafts)').getByText(text).last().waitFor();
      }
      await page.getByText('Go offline').first().click();
      await page.locator('.pane[data-online="false"]').waitFor();
      await page.locator('.pane textarea').first().fill('This one waits until I am back.');
      await page.locator('.pane textarea').first().press('Enter');
      await page.locator('.drafts').getByText('Not sent yet').first().waitFor();
    },
  },
  {
    name: 'answer',
    path: '/demo/answer/',
    ready: async (page) => {
      await page.getByText('Why not WebSockets?').click();
      await page.waitForFunction(() => document.querySelectorAll('.thread .text p').length >= 2);
    },
  },
  {
    name: 'tabs',
    path: '/demo/tabs/',
    ready: (page) => page.waitForFunction(() => Number(document.getElementById('count').textContent) >= 2),
  },
];

/** A phone's width and a desk's. */
export const WIDTHS = [390, 1280];
export const SCHEMES = /** @type {const} */ (['light', 'dark']);

const ARGS = [
  '--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--no-first-run',
];

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });

/**
 * Opens a page in a context of its own (nobody else's storage), and keeps what the browser has to say against it.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {import('playwright-core').BrowserContextOptions & { script?: string | (() => void), route?: [string, (route: any) => unknown] }}
 *   [options] `script` runs before the page's own; `route` answers for the server
 * @returns {Promise<{ page: import('playwright-core').Page, complaints: string[] }>}
 */
export async function open(browser, url, { script, route, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  const { origin } = new URL(url);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A cut wire is the test's own doing, and the browser says so.
    if (message.type() === 'error' && !/net::ERR_|status of 502/.test(message.text())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== origin && asked.protocol !== 'data:') complaints.push(`it asks ${asked.origin}`);
  });
  await page.exposeFunction('__violated', (what) => complaints.push(`the policy forbids ${what}`));
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) =>
    window.__violated(`${event.violatedDirective} ${event.blockedURI}`)));
  if (script) await page.addInitScript(script);
  if (route) await page.route(...route);
  await page.goto(url);
  return { page, complaints };
}
