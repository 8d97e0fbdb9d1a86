// The browser that other tests rely on does what they believe it does.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { Browser } from './cdp.js';
import { until } from './hub.js';

const PAGE = `<!doctype html><title>Page</title><script>
  const events = [];
  const note = ({ type, persisted }) => events.push(persisted === undefined ? type : type + ' ' + persisted);
  for (const type of ['freeze', 'resume', 'visibilitychange']) document.addEventListener(type, note);
  for (const type of ['pageshow', 'pagehide', 'online', 'offline']) addEventListener(type, note);
</script>`;

let browser;
let site;
let url;
before(async () => {
  site = http.createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(PAGE)).listen(0, '127.0.0.1');
  await once(site, 'listening');
  url = `http://127.0.0.1:${site.address().port}`;
  browser = await Browser.launch();
});
after(async () => {
  await browser?.close();
  site?.close();
  site?.closeAllConnections();
});

/** What the page has been told since the last time. */
const events = (tab) => tab.evaluate(() => events.splice(0));
const told = (tab, what) => tab.until((name) => events.includes(name), what);

test('one tab is looked at, and the others are hidden', async () => {
  const [one, other] = [await browser.tab(url), await browser.tab(url)];
  // Each is told by a message of its own.
  const are = (...states) => Promise.all([one, other].map((tab, index) =>
    tab.until((state) => document.visibilityState === state, states[index])));
  await are('hidden', 'visible');
  await one.show();
  await are('visible', 'hidden');
  await one.hide();
  await are('hidden', 'hidden');
  await Promise.all([one.close(), other.close()]);
  await assert.rejects(one.evaluate(() => 1));
});

test('a frozen tab runs no task until it is thawed', async () => {
  const tab = await browser.tab(url);
  await events(tab);
  await tab.freeze();
  await told(tab, 'freeze');
  const ran = () => tab.evaluate(() => globalThis.ran);
  await tab.evaluate(() => void setTimeout(() => (globalThis.ran = true)));
  // Time passes for another tab.
  const witness = await browser.tab(url);
  await witness.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
  assert.equal(await ran(), undefined);
  await tab.thaw();
  await tab.until(() => globalThis.ran);
  await tab.show();
  assert.deepEqual(await events(tab), ['visibilitychange', 'freeze', 'resume', 'visibilitychange']);
  await Promise.all([tab.close(), witness.close()]);
});

test('the page before comes out of the back-forward cache, or it is said why not', async () => {
  const tab = await browser.tab(url);
  await tab.goto(`${url}/next`);
  assert.equal(await tab.back(), '');
  await told(tab, 'pageshow true');
  assert.deepEqual((await events(tab)).filter((name) => name.startsWith('page')), [
    'pageshow false', 'pagehide true', 'pageshow true',
  ]);
  await tab.evaluate(() => addEventListener('unload', () => {}));
  await tab.goto(`${url}/next`);
  assert.match(await tab.back(), /UnloadHandler/);
  assert.deepEqual(await events(tab), ['pageshow false']);
  await tab.close();
});

test('a page that is offline is told, and gets nothing', async () => {
  const tab = await browser.tab(url);
  const ask = () => tab.evaluate(() => fetch('/').then(({ status }) => status, ({ name }) => name));
  assert.equal(await ask(), 200);
  await tab.offline(true);
  assert.equal(await ask(), 'TypeError');
  await tab.offline(false);
  assert.equal(await ask(), 200);
  await told(tab, 'online');
  assert.deepEqual(await events(tab), ['pageshow false', 'offline', 'online']);
  await tab.close();
});

test('a crash ends one tab, which may load another page', async () => {
  const [tab, other] = [await browser.tab(url), await browser.tab(url)];
  const waiting = assert.rejects(tab.evaluate(() => new Promise(() => {})));
  await tab.crash();
  await waiting;
  assert.equal(tab.crashed, true);
  await assert.rejects(tab.evaluate(() => 1));
  assert.equal(await other.evaluate(() => 1), 1);
  await tab.goto(url);
  assert.deepEqual(await events(tab), ['pageshow false']);
  await Promise.all([tab.close(), other.close()]);
});

test('what a page says and what it does not catch is kept', async () => {
  const tab = await browser.tab(url);
  await tab.evaluate(() => {
    console.warn('careful', 1);
    reportError(new TypeError('mine'));
    Promise.reject(new Error('nobody waits'));
  });
  await assert.rejects(tab.evaluate(() => Promise.reject(new Error('waited for'))), /waited for/);
  await until(() => tab.exceptions.length >= 2, 10_000);
  assert.deepEqual(tab.console[0], { level: 'warning', text: 'careful 1' });
  assert.match(tab.exceptions.join(), /mine.*nobody waits/s);
  assert.equal(tab.exceptions.length, 2, 'what was waited for is none');
  await tab.close();
});
