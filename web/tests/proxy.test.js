// Something on the way that swallows streams leads to long polls; what is only slow does not. With a real nginx.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser } from './cdp.js';
import { Hub, Wire } from './hub.js';
import { Nginx } from './nginx.js';
import { follow, opened, seen, Site } from './site.js';

let browser;
let site;
let hub;
let nginx;
/** Between nginx and the hub: what reaches the hub. */
let behind;
before(async () => {
  [browser, site, hub] = await Promise.all([Browser.launch(), Site.start(), Hub.start()]);
  behind = await Wire.to(hub.port);
  nginx = await Nginx.before(portOf(behind));
});
after(async () => {
  await browser?.close();
  site?.stop();
  await nginx?.stop();
  behind?.close();
  await hub?.stop();
});

const portOf = ({ url }) => Number(new URL(url).port);

/** A tab, and its network, which leads to this port: each test has its own, since all of them wait most of the time. */
async function begin(t, port) {
  const wire = await Wire.to(port);
  const tab = await browser.tab(site.url);
  t.after(async () => {
    await tab.close();
    wire.close();
  });
  return { tab, wire };
}

/** The requests for this topic that reached the hub. */
const requests = (topic) => behind.requests.filter(({ url }) => url.searchParams.get('topic') === topic);

/** The same, as `stream`, or `poll` with its timeout. */
const kinds = (topic) => requests(topic).map(({ headers, url }) =>
  (headers.accept === 'text/event-stream' ? 'stream' : `poll ${url.searchParams.get('timeout')}`));

/** Without the polls that only ask whether polls fare better: a slow machine is a reason to ask, not one to change over. */
const kept = (topic) => kinds(topic).filter((kind) => kind !== 'poll 0');

/** Opens a source, and has it get some updates. */
async function exchange({ tab, wire }, topic) {
  await follow(tab, wire.url, { topics: [topic] });
  await opened(tab);
  for (const data of ['1', '2', '3']) await hub.publish(topic, data);
  assert.deepEqual(await seen(tab, '3'), ['1', '2', '3']);
  const log = await tab.evaluate(() => globalThis.log);
  assert.deepEqual(log.map(({ what }) => what), ['open'], 'and no error');
}

describe('something on the way', { concurrency: true }, () => {
  for (const [how, name] of [['swallows', 'swallows a stream'], ['swallowsBody', 'swallows it behind its head']]) {
    test(`nginx that ${name} is polled through`, async (t) => {
      await exchange(await begin(t, nginx.sockets[how]), `/${how}`);
      // One that asks whether polls fare better, one for what there is, and then those that wait.
      assert.deepEqual(kinds(`/${how}`).slice(0, 4), ['stream', 'poll 0', 'poll 0', 'poll 25']);
      // What there is since the one before: that had no cursor yet.
      const cursors = requests(`/${how}`).slice(1, 3).map(({ url }) => url.searchParams.get('lastEventID'));
      assert.deepEqual([cursors[0], cursors[1]?.[0]], [null, '#']);
      assert.ok(kinds(`/${how}`).slice(3).every((kind) => kind === 'poll 25'));
    });
  }

  for (const [how, name] of [['obeys', 'does as the hub asks'], ['buffers', 'buffers, but speaks HTTP/1.1 to the hub']]) {
    test(`nginx that ${name} streams`, async (t) => {
      await exchange(await begin(t, nginx.sockets[how]), `/${how}`);
      assert.deepEqual(kept(`/${how}`), ['stream']);
    });
  }

  test('while it polls it tries a stream, and changes over when that gets through: nothing lost, nothing doubled', async (t) => {
    const { tab, wire } = await begin(t, nginx.sockets.swallows);
    await tab.evaluate(async (url) => {
      const { Source } = await import('/client/index.js');
      const { environment } = await import('/client/lib/environment.js');
      Object.assign(globalThis, { seen: [], log: [], trials: [] });
      // What is due in five minutes or later waits for the test instead.
      const setTimer = (run, after) => (after < 300_000 ? setTimeout(run, after) : globalThis.trials.push({ run, after }));
      const source = new Source(url, { topics: ['/back'] }, { ...environment(), setTimer });
      source.onopen = () => globalThis.log.push({ what: 'open' });
      source.onmessage = ({ data }) => globalThis.seen.push(data);
      source.onerror = ({ message }) => globalThis.log.push({ what: 'error', message });
    }, wire.url);
    await opened(tab);
    const trial = (after) => tab.until((wanted) => {
      if (globalThis.trials[0]?.after !== wanted) return false;
      globalThis.trials.shift().run();
      return true;
    }, after);
    await trial(300_000);
    // That stream is swallowed, too: another one is tried after twice the time.
    await tab.until(() => globalThis.trials.length === 1);
    assert.equal(kinds('/back').filter((kind) => kind === 'stream').length, 2);
    await hub.publish('/back', 'polled');
    await seen(tab, 'polled');
    // Whoever carries the phone leaves that network.
    wire.port = nginx.sockets.obeys;
    await trial(600_000);
    const polls = () => kinds('/back').filter((kind) => kind !== 'stream').length;
    // While it polls, what was seen in one round shows in the next as a poll more.
    for (let round = 1, quiet = 0; quiet < 2; round += 1) {
      const before = polls();
      for (const half of ['a', 'b']) await hub.publish('/back', `${round}${half}`);
      await seen(tab, `${round}b`);
      quiet = polls() === before ? quiet + 1 : 0;
      // On a slow machine that stream's first byte may be late, and the next one is due.
      await tab.evaluate(() => globalThis.trials.shift()?.run());
    }
    const all = await tab.evaluate(() => globalThis.seen);
    assert.deepEqual(all, ['polled', ...Array.from({ length: (all.length - 1) / 2 }, (_, n) => [`${n + 1}a`, `${n + 1}b`]).flat()]);
  });

  test('a network that answers after seconds keeps its stream', async (t) => {
    const own = await begin(t, portOf(behind));
    // Longer than it takes to doubt a stream. The poll beside it is as slow.
    own.wire.delay = 4_500;
    await exchange(own, '/slow');
    assert.deepEqual(kept('/slow'), ['stream']);
  });

  test('a browser whose connections are all taken keeps its stream, which comes when one is free', async (t) => {
    const { tab, wire } = await begin(t, portOf(behind));
    await tab.evaluate(async (url) => {
      globalThis.taken = new AbortController();
      const take = () => fetch(`${url}/.well-known/mercure?topic=/taken`, { signal: globalThis.taken.signal, cache: 'no-store' });
      await Promise.all(Array.from({ length: 6 }, take));
      globalThis.asked = [];
      const { fetch: real } = globalThis;
      globalThis.fetch = (address, init) => {
        globalThis.asked.push(init.headers.get('Accept'));
        return real(address, init);
      };
    }, wire.url);
    await follow(tab, wire.url, { topics: ['/crowded'] });
    await tab.until(() => globalThis.asked.length === 2);
    assert.deepEqual(await tab.evaluate(() => globalThis.asked), ['text/event-stream', 'application/json'], 'it is in doubt');
    assert.deepEqual(await tab.evaluate(() => globalThis.log), []);
    await tab.evaluate(() => globalThis.taken.abort());
    await opened(tab);
    await hub.publish('/crowded', 'here');
    assert.deepEqual(await seen(tab, 'here'), ['here']);
    assert.deepEqual(kept('/crowded'), ['stream']);
  });
});
