// The page of tabs in a real browser, against a real hub: one connection, whoever holds it.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Hub } from './hub.js';
import { launch, open } from './pages.js';

let browser;
let hub;
/** @type {import('playwright-core').BrowserContext} */
let context;
/** Requests to the hub that are under way. @type {Set<import('playwright-core').Request>} */
let requests;

before(async () => {
  [browser, hub] = await Promise.all([launch(), Hub.start()]);
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(record);
  requests = new Set();
  context.on('request', (request) => request.url().includes('/mercure') && requests.add(request));
  for (const end of ['requestfailed', 'requestfinished']) context.on(end, (request) => requests.delete(request));
});

afterEach(async () => {
  await context.close();
});

/** The tabs that have a stream, once for each. A tab that is closed has none, but nobody tells of its requests' end. */
const streaming = () => [...requests].map((request) => request.frame().page()).filter((page) => !page.isClosed());

/** Runs in the page: keeps what numbers the readings, in the order in which they were shown. */
function record() {
  window.__shown = [];
  document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver((changes) => {
      for (const { data } of changes.flatMap(({ addedNodes }) => [...addedNodes])) {
        const { run, seq } = JSON.parse(data);
        window.__shown.push({ run, seq });
      }
    }).observe(document.getElementById('reading'), { childList: true });
  });
}

async function tab() {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(`${hub.url}/demo/tabs/`);
  return page;
}

const shows = (page, id, text) => page.locator(`#${id}`, { hasText: new RegExp(`^${text}$`) }).waitFor();
const shown = (page) => page.evaluate(() => window.__shown);

/** One more than there are now, and nothing missing or doubled among all of them. */
async function assertWhole(page, more = 2) {
  const least = (await shown(page)).length + more;
  await page.waitForFunction((count) => window.__shown.length >= count, least);
  const seen = (await shown(page)).map(({ seq }) => seq);
  assert.deepEqual(seen, seen.map((_, index) => seen[0] + index));
  assert.equal(await page.textContent('#missing'), '0');
  assert.equal(await page.textContent('#doubled'), '0');
}

/** The tab that leads, and one that follows. */
async function two() {
  const first = await tab();
  await shows(first, 'role', 'leads');
  const second = await tab();
  await shows(second, 'role', 'follows');
  for (const page of [first, second]) await shows(page, 'tabs', '2');
  return [first, second];
}

test('two tabs hold one connection, and each tells its part', async () => {
  const [first, second] = await two();
  for (const page of [first, second]) await assertWhole(page);
  assert.deepEqual(streaming(), [first]);
  await first.locator('#request', { hasText: 'GET /.well-known/mercure?topic=/demo/system' }).waitFor();
  await shows(second, 'whose', 'This tab has no connection of its own: what it gets comes from tab 1\\.');
  assert.ok(await second.locator('#request').isHidden());
  for (const page of [first, second]) {
    await page.locator('#leading [data-number="1"]').waitFor();
    await page.locator('#following [data-number="2"]').waitFor();
  }
  assert.equal(await first.title(), 'Tab 1 leads · Headwater');
  assert.equal(await second.title(), 'Tab 2 · Headwater');
});

test('the link opens another tab, which shares', async () => {
  const first = await tab();
  const opened = context.waitForEvent('page');
  await first.getByText('Open another tab').click();
  const second = await opened;
  await shows(second, 'role', 'follows');
  await shows(first, 'tabs', '2');
});

test('the leader is closed: another leads, nothing is lost, and its number is free again', async () => {
  const [first, second] = await two();
  await assertWhole(second);
  await first.close();
  await shows(second, 'role', 'leads');
  await shows(second, 'tabs', '1');
  await assertWhole(second);
  await second.locator('#log', { hasText: 'This tab leads now. Before, it was tab 1.' }).waitFor();
  assert.deepEqual(streaming(), [second]);
  const third = await tab();
  await shows(third, 'role', 'follows');
  await third.locator('#following .mine[data-number="1"]').waitFor();
});

test('the leader crashes, and nothing is lost', async () => {
  const [first, second] = await two();
  await assertWhole(second);
  const crashed = first.waitForEvent('crash');
  first.goto('chrome://crash').catch(() => {});
  await crashed;
  await shows(second, 'role', 'leads');
  await assertWhole(second);
});

test('the leader leaves, and has missed nothing when it joins again', async () => {
  const [first, second] = await two();
  await assertWhole(first);
  await first.getByText('Leave', { exact: true }).click();
  await shows(first, 'role', 'left');
  await shows(second, 'role', 'leads');
  await second.locator('.away[data-number="1"]').waitFor();
  const left = await shown(first);
  await assertWhole(second, 3);
  assert.deepEqual(await shown(first), left);
  await first.getByText('Join again').click();
  await shows(first, 'role', 'follows');
  await first.waitForFunction((count) => window.__shown.length >= count, left.length + 4);
  await assertWhole(first);
  await assertWhole(second);
});

test('the hub stops and starts, and all tabs go on', async () => {
  const [first, second] = await two();
  for (const page of [first, second]) await assertWhole(page);
  const [{ run }] = await shown(first);
  await hub.stop();
  for (const page of [first, second]) await page.locator('.state[data-state="reconnecting"]').waitFor();
  await hub.start();
  for (const page of [first, second]) {
    await page.locator('.state[data-state="open"]').waitFor();
    // A new run numbers anew, and neither tab misses its beginning.
    await page.waitForFunction((old) => window.__shown.filter(({ run }) => run !== old).length >= 3, run);
    const anew = (await shown(page)).filter((reading) => reading.run !== run).map(({ seq }) => seq);
    assert.deepEqual(anew, anew.map((_, index) => index + 1));
    assert.equal(await page.textContent('#missing'), '0');
    assert.equal(await page.textContent('#doubled'), '0');
  }
  assert.equal(streaming().length, 1);
});

test('where tabs cannot share, the page works and says so', async () => {
  const script = 'Object.defineProperty(Navigator.prototype, "locks", { value: undefined })';
  const { page, complaints } = await open(browser, `${hub.url}/demo/tabs/`, { script });
  await shows(page, 'role', 'not shared');
  await shows(page, 'whose', 'This tab is not shared: it has a connection to itself\\.');
  await page.waitForFunction(() => Number(document.getElementById('count').textContent) >= 2);
  assert.deepEqual(complaints, []);
  await page.context().close();
});
