// What a page goes through: it is hidden, frozen, left and come back to, reloaded, duplicated. None of it may lose or double
// an event, nor hold a connection that the page does not use.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Browser } from './cdp.js';
import { Hub, until, Wire } from './hub.js';
import { failed, follow, opened, seen, Site } from './site.js';

let browser;
let site;
let hub;
let wire;
let tab;
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
beforeEach(async () => {
  tab = await browser.tab(site.url);
  wire.mend();
  wire.requests.length = 0;
});
afterEach(() => tab.close());

const released = () => until(() => wire.connections === 0, 20_000, 'the connection is released');
const log = () => tab.evaluate(() => globalThis.log.map(({ what }) => what));

/** Opens a source, and publishes: one update that comes before, and one after what the page goes through. */
async function through(topic, what, options) {
  await follow(tab, wire.url, { topics: [topic], ...options });
  await opened(tab);
  await hub.publish(topic, 'before');
  await seen(tab, 'before');
  await what();
  await hub.publish(topic, 'after');
  assert.deepEqual(await seen(tab, 'after'), ['before', 'meanwhile', 'after']);
}

test('a frozen page has no stream; after the thaw nothing is missing', async () => {
  await through('/frozen', async () => {
    await tab.freeze();
    await released();
    await hub.publish('/frozen', 'meanwhile');
    await tab.thaw();
  });
  assert.deepEqual(await log(), ['open', 'open']);
  assert.equal(wire.streams.length, 2);
});

test('a page in the back-forward cache has no stream; when it is back nothing is missing', async () => {
  await through('/cached', async () => {
    await tab.evaluate(() => addEventListener('pageshow', ({ persisted }) => (globalThis.persisted = persisted)));
    await tab.goto(`${site.url}/next`);
    await released();
    await hub.publish('/cached', 'meanwhile');
    assert.equal(await tab.back(), '', 'it was made anew');
    await tab.until(() => globalThis.persisted);
  });
  assert.deepEqual(await log(), ['open', 'open']);
  assert.equal(wire.streams.length, 2);
});

test('two pages of a site that each keep a cursor stay in the back-forward cache; a reload goes on where each was', async () => {
  const begin = (store) => follow(tab, wire.url, { topics: ['/both'], store });
  await begin('first');
  await opened(tab);
  await hub.publish('/both', '1');
  await seen(tab, '1');
  await tab.goto(`${site.url}/next`);
  await begin('second');
  await opened(tab);
  await hub.publish('/both', '2');
  assert.deepEqual(await seen(tab, '2'), ['2']);
  assert.equal(await tab.back(), '', 'it was made anew');
  assert.deepEqual(await seen(tab, '2'), ['1', '2']);
  // The page's id is its own again: whoever else comes with it finds it held.
  const held = () => tab.until(async () => (await navigator.locks.query()).held.length === 1);
  await held();
  wire.cut();
  await hub.publish('/both', '3');
  await tab.reload();
  wire.mend();
  await begin('first');
  assert.deepEqual(await seen(tab, '3'), ['3']);
  await held();
});

test('a page that is left for good leaves no connection', async () => {
  await follow(tab, wire.url, { topics: ['/left'] });
  await opened(tab);
  await tab.close();
  await released();
  tab = await browser.tab(site.url);
});

test('a hidden page gets what comes, and reconnects by timers that are throttled', async () => {
  await through('/hidden', async () => {
    await tab.hide();
    const apart = await tab.until(async () => {
      const wait = () => new Promise((resolve) => setTimeout(() => resolve(performance.now()), 10));
      const [first, second] = [await wait(), await wait()];
      return second - first > 500 && second - first;
    });
    assert.ok(apart > 500, 'the browser throttles it');
    wire.cut();
    await failed(tab);
    await hub.publish('/hidden', 'meanwhile');
    wire.mend();
    await opened(tab, 2);
    assert.equal(await tab.evaluate(() => document.visibilityState), 'hidden');
  });
  const all = await log();
  assert.deepEqual([all[0], all[1], all.at(-1)], ['open', 'error', 'open']);
});

test('a page that is looked at again reconnects at once, whatever the back-off says', async () => {
  await through('/shown', async () => {
    await tab.hide();
    wire.cut();
    const { retryIn } = await failed(tab);
    assert.ok(retryIn >= 25_000);
    await hub.publish('/shown', 'meanwhile');
    wire.mend();
    await tab.show();
    await opened(tab, 2);
  }, { retry: 25_000 });
  const [, error, open] = await tab.evaluate(() => globalThis.log);
  assert.ok(open.at < error.at + error.retryIn, 'that was not the back-off');
});

test('with a store a reload goes on where the page was; a duplicated tab starts anew, and harms nobody', async () => {
  const begin = () => follow(tab, wire.url, { topics: ['/stored'], store: 'feed' });
  await begin();
  await opened(tab);
  await hub.publish('/stored', '1');
  await seen(tab, '1');
  for (const data of ['2', '3']) {
    wire.cut();
    await hub.publish('/stored', data);
    await tab.reload();
    wire.mend();
    await begin();
    assert.deepEqual(await seen(tab, data), [data]);
  }
  // Whatever a page opens begins with a copy of its storage, and here may be looked into.
  await tab.evaluate(async (url) => {
    const copy = open(location.href);
    await new Promise((resolve) => (copy.onload = resolve));
    if (!copy.sessionStorage.length) throw new Error('no copy of the storage');
    globalThis.copied = [];
    const { Source } = await copy.eval(`import('/client/index.js')`);
    globalThis.copy = new Source(url, { topics: ['/stored'], store: 'feed' });
    globalThis.copy.onmessage = ({ data }) => globalThis.copied.push(data);
    await new Promise((resolve) => (globalThis.copy.onopen = resolve));
  }, wire.url);
  await hub.publish('/stored', '4');
  assert.deepEqual(await seen(tab, '4'), ['3', '4']);
  await tab.until(() => globalThis.copied.includes('4'));
  assert.deepEqual(await tab.evaluate(() => globalThis.copied), ['4']);
  const [original, copy] = await tab.evaluate(() => [globalThis.source.cursor, globalThis.copy.cursor]);
  assert.equal(original, copy);
  await tab.evaluate(() => globalThis.copy.close());
  await tab.reload();
  await begin();
  await hub.publish('/stored', '5');
  assert.deepEqual(await seen(tab, '5'), ['5']);
});
