// Tokens that end while a page is open.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser } from './cdp.js';
import { Hub, token, Wire } from './hub.js';
import { failed, follow, opened, seen, Site } from './site.js';

let browser;
let site;
let hub;
before(async () => {
  [browser, site] = await Promise.all([Browser.launch(), Site.start()]);
  hub = await Hub.serve('--cors-origin', site.url);
  site.answer = (_, response, { pathname, searchParams }) => {
    if (pathname !== '/token') return false;
    response.end(token({ subscribe: [searchParams.get('topic')] }, Number(searchParams.get('life'))));
    return true;
  };
});
after(async () => {
  await browser?.close();
  site?.stop();
  await hub?.stop();
});

/** A tab, and its wire to the hub: each test has its own, since all of them wait most of the time. */
async function begin(t) {
  const wire = await Wire.to(hub.port);
  const tab = await browser.tab(site.url);
  t.after(async () => {
    await tab.close();
    wire.close();
  });
  return { tab, wire };
}

const tokens = (wire) => wire.streams.map(({ headers }) => headers.authorization);

/** Publishes private updates until `enough`, and returns them. */
async function publishUntil(topic, enough) {
  const published = [];
  while (!(await enough())) {
    published.push(String(published.length));
    await hub.publish(topic, published.at(-1), { private: 'on' });
  }
  await hub.publish(topic, 'last', { private: 'on' });
  return [...published, 'last'];
}

/**
 * @param {number} life of each token, in seconds
 * @param {{ fast?: number, late?: number }} how by how much the page's clock is ahead, and its longer timers are late, in ms
 */
const followWithFunction = ({ tab, wire }, topic, life, { fast = 0, late = 0 }) => tab.evaluate(async (url, name, ...times) => {
  const [seconds, ahead, after] = times;
  const { Source } = await import('/client/index.js');
  const { environment } = await import('/client/lib/environment.js');
  Object.assign(globalThis, { seen: [], log: [], refused: [] });
  const token = async ({ refused }) => {
    globalThis.refused.push(refused);
    return (await fetch(`/token?topic=${name}&life=${seconds}`)).text();
  };
  const source = new Source(url, { topics: [name], token }, {
    ...environment(),
    // The tabs of other tests come and go, and a page that is looked at renews what is due.
    watch: () => {},
    wall: () => Date.now() + ahead,
    setTimer: (run, delay) => setTimeout(run, delay < 2_000 ? delay : delay + after),
  });
  source.onopen = () => globalThis.log.push('open');
  source.onmessage = ({ data }) => globalThis.seen.push(data);
  source.onerror = ({ error: { kind } }) => globalThis.log.push(kind);
}, wire.url, topic, life, fast, late);

const opens = (tab) => tab.evaluate(() => globalThis.log.filter((what) => what === 'open').length);

describe('a token', { concurrency: true }, () => {
  test('that ends is renewed before, under load: no error, nothing lost, nothing doubled', async (t) => {
    const { tab, wire } = await begin(t);
    // As the page sees it, each lives for two seconds more.
    await followWithFunction({ tab, wire }, '/renewed', 60, { fast: 58_000 });
    await tab.until(() => globalThis.log.includes('open'));
    const published = await publishUntil('/renewed', () => tokens(wire).length >= 3);
    assert.deepEqual(await seen(tab, 'last'), published);
    assert.equal(new Set(tokens(wire)).size, tokens(wire).length, 'each stream has a token of its own');
    const [log, refused] = await tab.evaluate(() => [globalThis.log, globalThis.refused]);
    assert.deepEqual([...new Set([...log, ...refused])], ['open', false]);
  });

  test('that ended with its stream is replaced, and the stream goes on', async (t) => {
    const own = await begin(t);
    // So late that a page which stalls does not see to the renewal before it sees the end.
    await followWithFunction(own, '/ended', 3, { late: 6_000 });
    await own.tab.until(() => globalThis.log.includes('open'));
    const published = await publishUntil('/ended', async () => (await opens(own.tab)) >= 2);
    assert.deepEqual(await seen(own.tab, 'last'), published);
    assert.deepEqual((await own.tab.evaluate(() => globalThis.log)).slice(0, 3), ['open', 'closed', 'open']);
  });

  test('that is a string ends with its stream, for good, and the reason is told', async (t) => {
    const { tab, wire } = await begin(t);
    // Its seconds are for the request alone.
    await tab.evaluate(() => import('/client/index.js').then(() => {}));
    await follow(tab, wire.url, { topics: ['/string'], token: token({ subscribe: ['/string'] }, 5) });
    await opened(tab);
    const refused = await tab.until(() => globalThis.log.find(({ retryIn }) => retryIn === null));
    assert.deepEqual([refused.kind, refused.status], ['refused', 401]);
    assert.match(refused.message, /expired/i);
    const kinds = await tab.evaluate(() => [globalThis.source.readyState, ...globalThis.log.map(({ what, kind }) => kind ?? what)]);
    assert.deepEqual(kinds, [2, 'open', 'closed', 'refused']);
  });

  test('that is none is refused at once, for good, and the reason is told', async (t) => {
    const { tab, wire } = await begin(t);
    await follow(tab, wire.url, { topics: ['/none'], token: 'none' });
    const { kind, status, message, retryIn } = await failed(tab);
    assert.deepEqual([kind, status, retryIn], ['refused', 401, null]);
    assert.match(message, /token/i);
  });
});
