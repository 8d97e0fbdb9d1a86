// Pages that open on all the history that they can have, and in the worst way: in one read. No clock is asked here, which would
// tell of the machine; what is counted is how much a page does before others have their turn.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Hub } from './hub.js';
import { launch, open } from './pages.js';

/** Of some ten microseconds each: so many are a few milliseconds, less than a frame has. */
const MOST_AT_ONCE = 500;

/** Answers instead of the hub with one read of this text, and counts. */
const stage = (text, changing) => `
  const native = fetch;
  const bytes = new TextEncoder().encode(${JSON.stringify(text)});
  window.fetch = async (url, init = {}) => {
    if (!String(url).includes('/.well-known/mercure') || (init.method ?? 'GET') !== 'GET') return native(url, init);
    return new Response(new ReadableStream({ start: (controller) => controller.enqueue(bytes) }), { headers: { 'Content-Type': 'text/event-stream' } });
  };
  // Each event is read as JSON once.
  window.__turns = [0];
  const { parse } = JSON;
  JSON.parse = (...args) => {
    window.__turns[window.__turns.length - 1] += 1;
    return parse(...args);
  };
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    if (window.__turns.at(-1) > 0) window.__turns.push(0);
    port2.postMessage(null);
  };
  port2.postMessage(null);
  window.__changes = 0;
  new MutationObserver((records) => {
    window.__changes += records.filter(({ target }) => target.matches?.(${JSON.stringify(changing)})).length;
  }).observe(document, { childList: true, subtree: true });
`;

const range = (count, make) => Array.from({ length: count }, (_, index) => make(index));
const replay = (updates) => {
  const mark = (at) => `id: #t-${at}\ncursor: t-${at}\n\n`;
  const events = updates.map(([topic, data], index) =>
    `id: t-${index + 1}\ncursor: t-${index + 1}\ntopic: ${topic}\ndata: ${JSON.stringify(data)}\n\n`);
  return `${mark(0)}${events.join('')}${mark(updates.length + 1)}`;
};

const now = Date.now();
const WORDS = 'What people write to each other on a day like any other, in a line or two. '.repeat(2);
const SYMBOLS = range(40, (index) => `Z${String.fromCharCode(65 + Math.floor(index / 10), 65 + (index % 10))}`);
const READING = { run: 1, cpu: { total: 1, cores: [1, 1] }, memory: { used: 1, total: 2 }, load: [1, 1, 1], network: { received: 1, sent: 1 } };

/**
 * @typedef {object} Case
 * @property {string} path
 * @property {[topic: string, data: object][]} updates as many as the hub retains
 * @property {() => unknown} shown whether all of them are there
 * @property {string} [once] selects elements that change once for all that comes together, not with each event
 */

/** @type {Record<string, Case>} */
const CASES = {
  'two minutes of forty prices': {
    path: '/demo/ticker/',
    updates: range(24_000, (index) => [`/demo/ticker/${SYMBOLS[index % 40]}`,
      { symbol: SYMBOLS[index % 40], price: 100 + (index % 97), open: 100, time: now - (24_000 - index) * 5 }]),
    shown: () => document.querySelectorAll('tbody tr').length === 40,
  },
  'a quarter of an hour of readings': {
    path: '/demo/dashboard/',
    updates: range(900, (index) => ['/demo/system', { ...READING, seq: index + 1, time: now - (900 - index) * 1_000 }]),
    shown: () => window.__points.length === 900 && document.getElementById('count').textContent === '900',
  },
  'six hours of news': {
    path: '/demo/news/',
    updates: range(1_440, (index) => ['/demo/news/world', { title: `Item ${index}`, summary: WORDS, time: now - (1_440 - index) * 15_000 }]),
    shown: () => document.querySelector('.item h3')?.textContent === 'Item 1439',
    once: 'title',
  },
  'a busy chat': {
    path: '/demo/chat/',
    updates: range(3_000, (index) => ['/demo/chat/lobby/carol', { text: `${WORDS}${index}`, time: now - (3_000 - index) * 1_000, nonce: `n${index}` }]),
    shown: () => [...document.querySelectorAll('.pane')].every((pane) => pane.querySelector('.messages').textContent.includes('. 2999')),
  },
  'an hour of notifications': {
    path: '/demo/notifications/',
    updates: range(1_000, (index) => ['/demo/notifications/alice', { title: `Notice ${index}`, text: WORDS, kind: 'info', time: now - (1_000 - index) * 3_600 }]),
    shown: () => [...document.querySelectorAll('.pane')].every((pane) => pane.querySelector('.notice h3')?.textContent === 'Notice 999'),
    once: '.notices',
  },
};

let browser;
let hub;
let page;

before(async () => {
  [browser, hub] = await Promise.all([launch(), Hub.start()]);
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

afterEach(async () => {
  await page?.context().close();
});

for (const [name, { path, updates, shown, once = 'none' }] of Object.entries(CASES)) {
  test(`${name}, and the page does not stand still`, async () => {
    let complaints;
    ({ page, complaints } = await open(browser, `${hub.url}${path}`, { viewport: { width: 1280, height: 3_000 }, script: stage(replay(updates), once) }));
    await page.waitForFunction((all) => window.__turns.reduce((sum, count) => sum + count) >= all, updates.length);
    await page.waitForFunction(shown);
    const { turns, changes } = await page.evaluate(() => ({ turns: window.__turns, changes: window.__changes }));
    assert.ok(Math.max(...turns) <= MOST_AT_ONCE, `${Math.max(...turns)} events in one turn`);
    assert.ok(changes < updates.length / 2, `${changes} changes for ${updates.length} events`);
    assert.deepEqual(complaints, []);
    if (path === '/demo/ticker/') await prices(updates);
  });
}

/** All that was replayed is in the table, and in its lines. */
async function prices(updates) {
  const wanted = new Map(updates.slice(-40).map(([, { symbol, price }]) => [symbol, [price.toFixed(2), 60]]));
  await page.waitForFunction((end) => document.querySelector(`tr[data-symbol="${end[0]}"] .price`).textContent === end[1],
    [updates.at(-1)[1].symbol, updates.at(-1)[1].price.toFixed(2)]);
  const rows = await page.$$eval('tbody tr', (all) => all.map((row) => [row.dataset.symbol,
    [row.querySelector('.price').textContent, row.querySelector('polyline').getAttribute('points').split(' ').length]]));
  assert.deepEqual(new Map(rows), wanted);
}
