// The ticker in a real browser, against a real hub: with the hub's own prices, which never rest, and with the tests', which do.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Line } from '../demo/ticker/line.js';
import { breadth, change, Market, summary } from '../demo/ticker/market.js';
import { Browser } from './cdp.js';
import { Hub } from './hub.js';
import { launch, open } from './pages.js';

/** No task may be longer, in milliseconds. A frame has 17; a machine that runs other tests beside this one may stall. */
const LONGEST_TASK = 500;

/** What the page asks for the hub's own prices is answered here. */
const STILL = ['**/demo/ticker', (route) => route.fulfill({ status: 204 })];
/** Counts frames, and how long the main thread was kept from them. */
const STOPWATCH = `
  window.__tasks = [];
  new PerformanceObserver((list) => window.__tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
  window.__frames = 0;
  (function frame() { window.__frames += 1; requestAnimationFrame(frame); })();
`;

let browser;
/** Nobody asks this one for its own prices: only the tests' are in it. */
let hub;
/** And this one's never rest. */
let busy;
let token;
let page;
let complaints;

before(async () => {
  [browser, hub, busy] = await Promise.all([launch(), Hub.start(), Hub.start()]);
  ({ token } = await (await fetch(`${hub.url}/demo/config.json`)).json());
});

after(async () => {
  await browser?.close();
  await Promise.all([hub?.stop(), busy?.stop()]);
});

afterEach(async () => {
  await page?.context().close();
  page = undefined;
});

/** Looks at a page that only the tests move. */
async function still(options = {}) {
  ({ page, complaints } = await open(browser, `${hub.url}/demo/ticker/`, { viewport: { width: 1280, height: 4_000 }, route: STILL, ...options }));
  await page.waitForFunction(() => document.querySelector('.state').dataset.state === 'open');
}

/** Forty of the tests' own symbols; a price is in cents, as the hub's are. */
const SYMBOLS = Array.from({ length: 40 }, (_, index) => `Z${String.fromCharCode(65 + Math.floor(index / 10), 65 + (index % 10))}`);

/** @param {[symbol: string, price: number, more?: object][]} prices */
async function publish(prices) {
  const answer = await fetch(`${hub.url}/.well-known/mercure`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(prices.map(([symbol, price, more]) => ({
      topic: `/demo/ticker/${symbol}`, data: { symbol, price, open: 100, time: Date.now(), ...more },
    }))),
  });
  assert.equal(answer.status, 200);
}

const price = (symbol) => page.textContent(`tr[data-symbol="${symbol}"] .price`);
const shows = (symbol, wanted) => page.waitForFunction(([name, text]) =>
  document.querySelector(`tr[data-symbol="${name}"] .price`)?.textContent === text, [symbol, wanted]);
const order = () => page.$$eval('tbody tr:not([hidden])', (rows) => rows.map(({ dataset }) => dataset.symbol));

test('after a burst each symbol shows its last price', async () => {
  await still();
  const last = new Map();
  const burst = Array.from({ length: 4_000 }, (_, index) => {
    const symbol = SYMBOLS[(index * 7) % SYMBOLS.length];
    const value = 50 + ((index * 7_919) % 10_000) / 100;
    last.set(symbol, value.toFixed(2));
    return [symbol, value];
  });
  for (let at = 0; at < burst.length; at += 400) await publish(burst.slice(at, at + 400));
  const [end] = burst.at(-1);
  await shows(end, last.get(end));
  const shown = await page.$$eval('tbody tr', (rows) => rows.map((row) => [row.dataset.symbol, row.querySelector('.price').textContent]));
  assert.deepEqual(new Map(shown), last);
  assert.deepEqual(complaints, []);
});

test('with all the hub’s prices moving, frames are drawn and no task is long', async () => {
  ({ page, complaints } = await open(browser, `${busy.url}/demo/ticker/`, { script: STOPWATCH }));
  await page.waitForFunction(() => Number(document.getElementById('rate').textContent) > 150);
  await page.evaluate(() => (window.__tasks.length = window.__frames = 0));
  const before = await page.textContent('tbody');
  await page.waitForFunction(() => window.__frames >= 120);
  const tasks = await page.evaluate(() => window.__tasks);
  assert.ok(Math.max(0, ...tasks) < LONGEST_TASK, `tasks of ${tasks.map(Math.round)} ms`);
  // In some second: in others, this machine may have had better things to do.
  await page.waitForFunction(() => Number(document.getElementById('frames').textContent) >= 5);
  assert.notEqual(await page.textContent('tbody'), before);
  assert.match(await page.textContent('#age'), /^\d+ ms$/);
  assert.match(await page.textContent('.intro'), /Simulated prices/);
  assert.deepEqual(complaints, []);
});

test('what is out of view is drawn when it comes into view', async () => {
  await still({ viewport: { width: 1280, height: 700 } });
  await publish(SYMBOLS.map((symbol) => [symbol, 100]));
  const [first, last] = [SYMBOLS[0], SYMBOLS.at(-1)];
  await page.waitForFunction((name) => document.querySelector(`tr[data-symbol="${name}"]`), last);
  const before = await price(last);
  await publish([[last, 111], [first, 112]]);
  await shows(first, '112.00');
  assert.equal(await price(last), before);
  assert.notEqual(before, '111.00');
  await page.locator(`tr[data-symbol="${last}"]`).scrollIntoViewIfNeeded();
  await shows(last, '111.00');
});

test('it is sorted and filtered, and what does not match says so', async () => {
  await still();
  await publish([['ZAA', 130, { name: 'Middle & Sons' }], ['ZAB', 90, { name: 'Low Lamps' }], ['ZAC', 150, { name: 'High Hats' }]]);
  await shows('ZAC', '150.00');
  await page.fill('#search', 'za');
  const only = (symbols) => symbols.filter((symbol) => ['ZAA', 'ZAB', 'ZAC'].includes(symbol));
  assert.deepEqual(only(await order()), ['ZAA', 'ZAB', 'ZAC']);
  await page.click('th[data-column="price"] button');
  assert.deepEqual(only(await order()), ['ZAC', 'ZAA', 'ZAB']);
  await page.click('th[data-column="price"] button');
  assert.deepEqual(only(await order()), ['ZAB', 'ZAA', 'ZAC']);
  assert.equal(await page.getAttribute('th[data-column="price"]', 'aria-sort'), 'ascending');
  assert.equal(await page.getAttribute('th[data-column="symbol"]', 'aria-sort'), 'none');
  await page.fill('#search', 'lamps');
  assert.deepEqual(await order(), ['ZAB']);
  await page.selectOption('#trend', 'up');
  assert.deepEqual(await order(), []);
  assert.equal(await page.isVisible('#nothing'), true);
});

test('while it is paused nothing moves, and then all is made up for', async () => {
  await still();
  await publish([['ZAA', 101]]);
  await shows('ZAA', '101.00');
  await page.click('#pause');
  await publish([['ZAA', 102]]);
  // The page has it: it counts them.
  await page.waitForFunction(() => Number(document.getElementById('rate').textContent) > 0);
  assert.equal(await price('ZAA'), '101.00');
  await page.click('#pause');
  await shows('ZAA', '102.00');
});

test('prices are no live region; they are summed up when somebody asks', async () => {
  await still();
  await publish([['ZAA', 120, { name: 'Up & Away' }], ['ZAB', 80]]);
  await shows('ZAB', '80.00');
  assert.equal(await page.textContent('#summary'), '');
  const live = '[aria-live], [role="status"], [role="alert"], [role="log"]';
  assert.equal(await page.evaluate((selector) => document.querySelector('table').closest(selector) === null
    && document.querySelectorAll(`.prices :is(${selector}), .facts :is(${selector})`).length === 0, live), true);
  await page.click('#sum-up');
  assert.match(await page.textContent('#summary'), /^Of \d+ symbols \d+ are up, \d+ are down.*Highest: .*Lowest: .*As of \d\d:\d\d:\d\d\.$/);
});

test('a change flashes, unless less motion is asked for', async () => {
  for (const [reducedMotion, flashes] of [['no-preference', true], ['reduce', false]]) {
    // One that has not flashed before: it does so once a second at most.
    const symbol = flashes ? 'ZFA' : 'ZFB';
    await still({ reducedMotion });
    await publish([[symbol, 100]]);
    await shows(symbol, '100.00');
    await page.evaluate(() => {
      window.__flashed = false;
      Element.prototype.animate = () => (window.__flashed = true);
    });
    await publish([[symbol, 101]]);
    await shows(symbol, '101.00');
    assert.equal(await page.evaluate(() => window.__flashed), flashes);
    await page.context().close();
  }
  page = undefined;
});

test('a hidden page has no stream, and goes on where it was when it is looked at again', async () => {
  const chromium = await Browser.launch();
  try {
    const tab = await chromium.tab(`${busy.url}/demo/ticker/`);
    await tab.until(() => document.querySelectorAll('tbody tr').length >= 40);
    // A request that has ended has an entry; the one that is the stream has none before.
    const ended = () => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/.well-known/mercure')).length;
    assert.equal(await tab.evaluate(ended), 0);
    await tab.hide();
    await tab.until(ended);
    const before = await tab.evaluate(() => document.querySelector('tbody').textContent);
    await tab.show();
    await tab.until((old) => document.querySelector('tbody').textContent !== old, before);
    assert.equal(await tab.evaluate(() => document.querySelector('.state').dataset.state), 'open');
  } finally {
    await chromium.close();
  }
});

test('what is no price is left out, and markup in a name stays text', async () => {
  await still();
  const markup = '<img src=x onerror=alert(1)>';
  await publish([['YBA', 'dear'], ['YBB', -1], ['YBC', 1, { open: 0 }], ['YBD', 1, { time: 'now' }], ['YBE', 140, { name: markup }]]);
  await shows('YBE', '140.00');
  assert.equal(await page.textContent('tr[data-symbol="YBE"] .name'), markup);
  assert.equal(await page.locator('tbody img').count(), 0);
  for (const symbol of ['YBA', 'YBB', 'YBC', 'YBD']) assert.equal(await page.locator(`tr[data-symbol="${symbol}"]`).count(), 0);
  assert.deepEqual(complaints, []);
});

// The parts that need no page.

const event = (symbol, data) => ({ topics: [`/demo/ticker/${symbol}`], json: () => JSON.parse(JSON.stringify(data)) });

test('the market keeps the last price, and knows which symbols have changed', () => {
  const market = new Market();
  assert.equal(market.take(event('AB', { price: 10, open: 8, time: 1_000, name: 'Ab' })), true);
  assert.equal(market.take(event('AB', { price: 9, open: 8, time: 2_000 })), true);
  assert.equal(market.take(event('ab', { price: 9, open: 8, time: 2_000 })), false);
  assert.equal(market.take({ topics: ['/demo/ticker/AB'], json: () => JSON.parse('{') }), false);
  const quote = market.quotes.get('AB');
  assert.deepEqual([quote.name, quote.price, quote.moved, change(quote), market.newest], ['Ab', 9, -1, 12.5, 2_000]);
  assert.deepEqual([...market.changed], ['AB']);
  for (let index = 0; index < 500; index += 1) {
    market.take(event(`X${String.fromCharCode(65 + (index % 26), 65 + Math.floor(index / 26))}`, { price: 1, open: 1, time: 1 }));
  }
  assert.equal(market.quotes.size, 200);
});

test('a line has a value for each step, whatever came in it, and is bounded', () => {
  const line = new Line();
  assert.equal(line.points(118, 10), '');
  line.add(0, 5);
  line.add(1_000, 7);
  line.add(6_000, 9);
  // Steps of 2 s: 7, nobody told, nobody told, 9.
  assert.equal(line.points(118, 10), '112.0,10.0 114.0,10.0 116.0,10.0 118.0,0.0');
  for (let time = 8_000; time < 1_000_000; time += 500) line.add(time, time);
  assert.equal(line.points(118, 10).split(' ').length, 60);
  line.add(9_000_000, 1);
  assert.equal(line.points(118, 10).split(' ').length, 60);
  line.clear();
  line.add(9_000_500, 1);
  assert.equal(line.points(118, 10), '118.0,5.0');
});

test('a summary in words', () => {
  assert.equal(summary([]), 'There are no prices yet.');
  const quotes = [
    { symbol: 'A', name: 'Ay', price: 11, open: 10 }, { symbol: 'B', name: '', price: 9, open: 10 }, { symbol: 'C', name: '', price: 10, open: 10 },
  ];
  assert.deepEqual(breadth(quotes), { up: 1, down: 1 });
  assert.equal(summary(quotes), 'Of 3 symbols 1 are up, 1 are down, 1 unchanged. '
    + 'Highest: Ay, up 10.00 percent at 11.00. Lowest: B, down 10.00 percent at 9.00.');
});
