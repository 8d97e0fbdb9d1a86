// Tokens that end while a page is open.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Browser } from './cdp.js';
import { Hub, token, Wire } from './hub.js';
import { failed, follow, opened, seen, Site } from './site.js';

let browser;
let site;
let hub;
let wire;
let tab;
/** What each call of the page's `token` function was told. */
let asked;
before(async () => {
  [browser, site] = await Promise.all([Browser.launch(), Site.start()]);
  hub = await Hub.serve('--cors-origin', site.url);
  wire = await Wire.to(hub.port);
  site.answer = (_, response, { pathname, searchParams }) => {
    if (pathname !== '/token') return false;
    asked.push(searchParams.get('refused'));
    response.end(token({ subscribe: ['/mine'] }, Number(searchParams.get('life'))));
    return true;
  };
});
after(async () => {
  await browser?.close();
  site?.stop();
  wire?.close();
  await hub?.stop();
});
beforeEach(async () => {
  tab = await browser.tab(site.url);
  asked = [];
  wire.requests.length = 0;
});
afterEach(() => tab.close());

const tokens = () => wire.requests.map(({ headers }) => headers.authorization).filter(Boolean);

/** Publishes private updates until `enough`, and returns them. */
async function publishUntil(enough) {
  const published = [];
  while (!(await enough())) {
    published.push(String(published.length));
    await hub.publish('/mine', published.at(-1), { private: 'on' });
  }
  await hub.publish('/mine', 'last', { private: 'on' });
  return [...published, 'last'];
}

/**
 * @param {number} life of each token, in seconds
 * @param {{ fast?: number, late?: number }} how by how much the page's clock is ahead, and its longer timers are late, in ms
 */
const followWithFunction = (life, { fast = 0, late = 0 }) => tab.evaluate(async (url, seconds, ahead, after) => {
  const { Source } = await import('/client/index.js');
  const { environment } = await import('/client/lib/environment.js');
  Object.assign(globalThis, { seen: [], log: [] });
  const token = async ({ refused }) => (await fetch(`/token?life=${seconds}&refused=${refused}`)).text();
  const source = new Source(url, { topics: ['/mine'], token }, {
    ...environment(),
    wall: () => Date.now() + ahead,
    setTimer: (run, delay) => setTimeout(run, delay < 2_000 ? delay : delay + after),
  });
  source.onopen = () => globalThis.log.push('open');
  source.onmessage = ({ data }) => globalThis.seen.push(data);
  source.onerror = ({ error: { kind } }) => globalThis.log.push(kind);
}, wire.url, life, fast, late);

const has = (what, times) => tab.until((wanted, count) => globalThis.log.filter((one) => one === wanted).length >= count, what, times);

test('a token is renewed before it ends, under load: no error, nothing lost, nothing doubled', async () => {
  // As the page sees it, each lives for two seconds more.
  await followWithFunction(60, { fast: 58_000 });
  await has('open', 1);
  const published = await publishUntil(() => tokens().length >= 3);
  assert.deepEqual(await seen(tab, 'last'), published);
  assert.equal(new Set(tokens()).size, tokens().length, 'each request has a token of its own');
  assert.deepEqual([...new Set(asked)], ['false']);
  assert.deepEqual([...new Set(await tab.evaluate(() => globalThis.log))], ['open']);
});

test('a stream that the hub ends when its token ends goes on with a fresh one', async () => {
  await followWithFunction(3, { late: 3_000 });
  await has('open', 1);
  const opens = () => tab.evaluate(() => globalThis.log.filter((what) => what === 'open').length);
  const published = await publishUntil(async () => (await opens()) >= 2);
  assert.deepEqual(await seen(tab, 'last'), published);
  assert.deepEqual(await tab.evaluate(() => globalThis.log), ['open', 'closed', 'open']);
});

test('a token that is a string ends with its stream, for good, and the reason is told', async () => {
  await follow(tab, wire.url, { topics: ['/mine'], token: token({ subscribe: ['/mine'] }, 1) });
  await opened(tab);
  const refused = await tab.until(() => globalThis.log.find(({ retryIn }) => retryIn === null));
  assert.deepEqual([refused.kind, refused.status], ['refused', 401]);
  assert.match(refused.message, /expired/i);
  const kinds = await tab.evaluate(() => [globalThis.source.readyState, ...globalThis.log.map(({ what, kind }) => kind ?? what)]);
  assert.deepEqual(kinds, [2, 'open', 'closed', 'refused']);
});

test('a token that is none is refused at once, for good, and the reason is told', async () => {
  await follow(tab, wire.url, { topics: ['/mine'], token: 'none' });
  const { kind, status, message, retryIn } = await failed(tab);
  assert.deepEqual([kind, status, retryIn], ['refused', 401, null]);
  assert.match(message, /token/i);
});
