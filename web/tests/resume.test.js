// Nothing lost and nothing doubled, whatever happens to the connection: a real browser, a real hub, a wire that is cut.
// `HEADWATER_SEED=…` repeats a plan of cuts (not its moments: it is a real network).

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { random } from '../client/test/vectors.js';
import { Browser } from './cdp.js';
import { Hub, Wire } from './hub.js';
import { failed, follow, opened, seen, Site } from './site.js';

const SEED = Number(process.env.HEADWATER_SEED ?? Date.now() % 1_000_000);
const EVENTS = 1_000;
const PORTIONS = 25;
/** How many publishes are under way at a time: the load. */
const PUBLISHERS = 4;

let browser;
let site;
let hub;
let wire;
before(async () => {
  [browser, site, hub] = await Promise.all([Browser.launch(), Site.start(), Hub.start()]);
  wire = await Wire.to(hub.port);
});
after(async () => {
  await browser?.close();
  site?.stop();
  wire?.close();
  await hub?.stop();
});
beforeEach(() => {
  wire.mend();
  wire.allowance = () => Infinity;
  wire.requests.length = 0;
});

/** Publishes that many, and a last one, and returns what they say in the order that the hub gave them. */
async function publish(topic, count, portion = '') {
  const published = [];
  let next = 0;
  await Promise.all(Array.from({ length: PUBLISHERS }, async () => {
    while (next < count) {
      const data = `${portion}${(next += 1)}`;
      const id = await hub.publish(topic, data);
      published.push({ data, offset: Number(id.split('-')[1]) });
    }
  }));
  await hub.publish(topic, `${portion}last`);
  return [...published.sort((a, b) => a.offset - b.offset).map(({ data }) => data), `${portion}last`];
}

/** As if the network were back after each cut: else the back-off would be most of the test. */
const goOnAtOnce = (tab) => tab.evaluate(() => {
  globalThis.source.addEventListener('error', () => setTimeout(() => dispatchEvent(new Event('online')), 5));
});

const requests = () => wire.requests.map(({ headers }) => headers.accept);

test('streams killed after any number of bytes, under load', async (t) => {
  t.diagnostic(`again with these cuts: HEADWATER_SEED=${SEED}`);
  const luck = random(SEED);
  const tab = await browser.tab(site.url);
  await follow(tab, wire.url, { topics: ['/load'] });
  await goOnAtOnce(tab);
  await opened(tab);
  // Cut before the first event, too: what is published meanwhile is not lost.
  wire.cut();
  await failed(tab);
  // The head alone has some 350 bytes.
  wire.allowance = () => Math.floor(luck() * (luck() < 0.3 ? 500 : 6_000));
  wire.mend();
  const published = await publish('/load', EVENTS);
  assert.deepEqual(await seen(tab, 'last'), published);
  assert.ok(requests().length > 20, `${requests().length} requests`);
  assert.deepEqual((await tab.evaluate(() => globalThis.log)).filter(({ what }) => what === 'gap'), []);
  await tab.close();
});

test('long polls killed after any number of bytes, under load', async (t) => {
  t.diagnostic(`again with these cuts: HEADWATER_SEED=${SEED}`);
  const luck = random(SEED);
  const tab = await browser.tab(site.url);
  // Something on the way answers no stream.
  await tab.evaluate(() => {
    const { fetch } = globalThis;
    globalThis.fetch = (url, init) =>
      (init.headers.get('Accept') === 'text/event-stream' ? new Promise(() => {}) : fetch(url, init));
  });
  await follow(tab, wire.url, { topics: ['/polled'] });
  await goOnAtOnce(tab);
  await opened(tab);
  // An answer comes whole or not at all, and has a portion at most: some 6,000 bytes.
  wire.allowance = () => Math.floor(luck() * (luck() < 0.5 ? 800 : 16_000));
  wire.cut();
  await failed(tab);
  wire.mend();
  const published = [];
  // Whoever polls slowly would get all of them in one answer, which is too long to get through.
  for (let portion = 1; portion <= PORTIONS; portion += 1) {
    published.push(...await publish('/polled', EVENTS / PORTIONS, `${portion}: `));
    await seen(tab, published.at(-1));
  }
  assert.deepEqual(await seen(tab, published.at(-1)), published);
  assert.ok(requests().length > 20, `${requests().length} requests`);
  assert.deepEqual([...new Set(requests())], ['application/json']);
  await tab.close();
});

test('an answer cut as it begins: what is published after `open` comes', async () => {
  const tab = await browser.tab(site.url);
  for (let bytes = 320; bytes < 420; bytes += 4) {
    const cut = [bytes];
    wire.allowance = () => cut.pop() ?? Infinity;
    await follow(tab, wire.url, { topics: [`/cut/${bytes}`] });
    await goOnAtOnce(tab);
    await opened(tab);
    await hub.publish(`/cut/${bytes}`, 'now');
    await seen(tab, 'now');
    await tab.evaluate(() => globalThis.source.close());
  }
  await tab.close();
});

test('a hub that stops and starts', async () => {
  const tab = await browser.tab(site.url);
  await follow(tab, wire.url, { topics: ['/restart'] });
  await opened(tab);
  await hub.publish('/restart', 'before');
  await seen(tab, 'before');
  await hub.stop();
  await failed(tab);
  await hub.start();
  await hub.publish('/restart', 'after');
  assert.deepEqual(await seen(tab, 'after'), ['before', 'after']);
  const log = await tab.evaluate(() => globalThis.log);
  assert.deepEqual([log[0].what, log[1].kind, log.at(-1).what], ['open', 'closed', 'open']);
  assert.ok(log.every(({ what }) => what !== 'gap'));
  await tab.close();
});

test('a network that is back is used at once, whatever the back-off says', async () => {
  const tab = await browser.tab(site.url);
  await follow(tab, wire.url, { topics: ['/offline'], retry: 25_000 });
  await opened(tab);
  // Without a network nothing is sent, and what was open is dead: the browser's emulation is about the first of these only.
  await tab.offline(true);
  wire.cut();
  const error = await failed(tab);
  assert.ok(error.retryIn >= 25_000, `${error.retryIn} ms`);
  await hub.publish('/offline', 'meanwhile');
  wire.mend();
  await tab.offline(false);
  assert.deepEqual(await seen(tab, 'meanwhile'), ['meanwhile']);
  const log = await tab.evaluate(() => globalThis.log);
  assert.deepEqual(log.map(({ what }) => what), ['open', 'error', 'open']);
  assert.ok(log[2].at < error.at + error.retryIn, 'that was not the back-off');
  await tab.close();
});
