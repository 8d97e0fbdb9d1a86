// One connection for all tabs, in a real browser, against a real hub, whatever happens to the tabs. `HEADWATER_SEED=…` repeats
// a plan (not its moments: it is a real network, and a real browser).

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { random } from '../client/test/vectors.js';
import { Browser } from './cdp.js';
import { Hub, until, Wire } from './hub.js';
import { Site } from './site.js';

const SEED = Number(process.env.HEADWATER_SEED ?? Date.now() % 1_000_000);
const TABS = 10;
const STEPS = 60;
const TOPICS = ['/a', '/b', '/c'];
const PATIENCE = 60_000;
/** A host that is not trusted as `127.0.0.1` is: there are no Web Locks on plain http. */
const INSECURE = 'plain.test';

const WORKER = `import { serve } from '/client/share.js';
serve();`;
/** What comes, each with the name of the page that got it, goes to the console: there it outlives the page. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>A tab</title><script type="module">
  import { Source } from '/client/index.js';
  const asked = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const page = String(Math.random()).slice(2);
  const source = new Source(asked.hub, { share: true, retry: 100, ...asked.options });
  const note = (what) => console.debug(page + ' ' + what);
  let had = false;
  source.onopen = () => {
    if (!had) note('open ' + source.cursor + ' ' + source.topics);
    had = true;
  };
  source.onmessage = ({ data }) => note(data);
  source.ongap = () => note('gap');
  source.onerror = ({ retryIn }) => retryIn === null && note('ended');
  globalThis.source = source;
</script>`;

let browser;
let site;
let hub;
let wire;
/** @type {import('./cdp.js').Tab[]} */
let tabs;
before(async () => {
  site = await Site.start();
  site.answer = (request, response, { pathname }) => {
    if (pathname === '/worker.js') response.setHeader('Content-Type', 'text/javascript').end(WORKER);
    else if (pathname === '/tab') response.setHeader('Content-Type', 'text/html').end(PAGE);
    else return false;
    return true;
  };
  [browser, hub] = await Promise.all([Browser.launch(`--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`), Hub.start()]);
  wire = await Wire.to(hub.port);
});
after(async () => {
  await browser?.close();
  site?.stop();
  wire?.close();
  await hub?.stop();
});
beforeEach(() => {
  tabs = [];
  wire.mend();
  wire.requests.length = 0;
});
afterEach(() => Promise.all(tabs.filter(({ crashed }) => !crashed).map((tab) => tab.close().catch(() => {}))));

const address = (options, origin = site.url) =>
  `${origin}/tab#${encodeURIComponent(JSON.stringify({ hub: wire.url, options: { topics: TOPICS, ...options } }))}`;

async function open(options, origin) {
  const tab = await browser.tab(address(options, origin));
  tabs.push(tab);
  return tab;
}

const sharing = (tab) => tab.evaluate(() => globalThis.source?.sharing);
const isOpen = (tab) => tab.until(() => globalThis.source?.readyState === 1);
/** Waits until all know of each other. */
const together = (count, all = tabs) => Promise.all(all.map((tab) => tab.until((tabs) => globalThis.source?.sharing?.tabs === tabs, count)));

/** What each page of the tab got: by its name, { since, topics, data }. */
function records(tab) {
  const pages = new Map();
  for (const { text } of tab.console) {
    const [page, what, cursor, topics] = text.split(' ');
    if (!/^\d+$/.test(page)) continue;
    if (what === 'open') pages.set(page, { since: Number(cursor.split('-')[1]), topics: topics.split(','), data: [] });
    else pages.get(page).data.push(what);
  }
  return [...pages.values()];
}

const has = (tab, data) => until(() => records(tab).at(-1)?.data.includes(data), PATIENCE);

test('ten tabs have one connection, and leave five', async () => {
  for (let count = 0; count < TABS; count += 1) await open();
  await Promise.all(tabs.map(isOpen));
  await together(TABS);
  // While one takes over from another, two may believe it.
  await until(async () => (await Promise.all(tabs.map(sharing))).filter(({ leader }) => leader).length === 1, PATIENCE);
  await hub.publish('/a', 'to-all');
  await Promise.all(tabs.map((tab) => has(tab, 'to-all')));
  await until(() => wire.connections === 1, PATIENCE);
  // As many more as a browser admits: each is answered while the stream is open.
  const url = `${wire.url}/.well-known/mercure?topic=/other`;
  await tabs[0].evaluate((other) => Promise.all([1, 2, 3, 4, 5].map((n) => fetch(`${other}&n=${n}`))).then(() => {}), url);
  await until(() => wire.connections === 6, PATIENCE);
});

test('a random run of ten tabs: no tab loses an event or has one twice', async (t) => {
  t.diagnostic(`again with this plan: HEADWATER_SEED=${SEED}`);
  const luck = random(SEED);
  const pick = (list) => list[Math.floor(luck() * list.length)];
  const topics = () => TOPICS.filter(() => luck() < 0.6).concat(pick(TOPICS));
  const published = [];
  let publishing = true;
  const publisher = (async () => {
    for (let n = 1; publishing; n += 1) {
      const topic = pick(TOPICS);
      const id = await hub.publish(topic, `${topic}${n}`);
      published.push({ topic, data: `${topic}${n}`, offset: Number(id.split('-')[1]) });
    }
  })();
  const all = [];
  const begin = async () => {
    const tab = await open({ topics: [...new Set(topics())] });
    all.push(tab);
    return tab;
  };
  const frozen = new Set();
  const away = new Set();
  const isUp = (tab) => !frozen.has(tab) && !away.has(tab);
  for (let count = 0; count < TABS; count += 1) await begin();
  await Promise.all(tabs.map(isOpen));

  const back = async (tab) => {
    away.delete(tab);
    const why = await tab.back();
    if (why) t.diagnostic(`a page was made anew: ${why}`);
    else kept += 1;
  };
  let kept = 0;
  const steps = {
    close: async (tab) => {
      tabs.splice(tabs.indexOf(tab), 1);
      await tab.close();
      await begin();
    },
    crash: async (tab) => {
      tabs.splice(tabs.indexOf(tab), 1);
      await tab.crash();
      await begin();
    },
    freeze: async (tab) => {
      frozen.add(tab);
      await tab.freeze();
    },
    thaw: async () => {
      const tab = pick([...frozen]);
      if (!tab) return;
      frozen.delete(tab);
      await tab.thaw();
    },
    away: async (tab) => {
      away.add(tab);
      await tab.goto(`${site.url}/elsewhere`);
    },
    back: async () => {
      const tab = pick([...away]);
      if (tab) await back(tab);
    },
    // By a script of the application's own, say.
    rob: (tab) => tab.evaluate(async () => {
      const { held } = await navigator.locks.query();
      await Promise.all(held.map(({ name }) => navigator.locks.request(name, { steal: true }, () => {})));
    }),
    cut: async () => {
      wire.cut();
      wire.mend();
    },
    show: (tab) => tab.show(),
    change: (tab) => tab.evaluate((topic) => globalThis.source.subscribe(topic), `/quiet/${Math.floor(luck() * 5)}`),
  };
  const log = [];
  for (let step = 0; step < STEPS; step += 1) {
    // One page at least is left and come back to, whatever the plan.
    const what = step === 0 ? 'away' : pick(Object.keys(steps));
    const up = tabs.filter(isUp);
    // Someone must be left to look at.
    if (up.length < 4 && /freeze|away/.test(what)) continue;
    log.push(what);
    await steps[what](pick(up));
    await until(() => published.length > step * 10, PATIENCE);
  }
  for (const tab of [...frozen]) await tab.thaw();
  for (const tab of [...away]) await back(tab);
  await Promise.all(tabs.map(isOpen));
  publishing = false;
  await publisher;
  for (const topic of TOPICS) await hub.publish(topic, `last${topic}`);
  await Promise.all(tabs.flatMap((tab) => records(tab).at(-1).topics.filter((topic) => TOPICS.includes(topic))
    .map((topic) => has(tab, `last${topic}`))));

  let count = 0;
  for (const tab of all) {
    for (const { since, topics: own, data } of records(tab)) {
      const got = data.filter((text) => !text.startsWith('last'));
      const expected = published.filter(({ topic, offset }) => offset > since && own.includes(topic)).map((one) => one.data);
      const isHere = tabs.includes(tab) && data === records(tab).at(-1).data;
      // What is gone had all up to its end.
      assert.deepEqual(got, isHere ? expected : expected.slice(0, got.length), log.join());
      count += got.length;
    }
    assert.deepEqual(tab.exceptions, []);
    assert.deepEqual(tab.console.filter(({ level }) => level === 'warning'), []);
  }
  assert.ok(kept > 0, 'pages came out of the back-forward cache');
  t.diagnostic(`${published.length} events published, ${count} dispatched by ${all.length} tabs; ${kept} came out of the cache`);
});

test('a leader that hangs is robbed, and leads no more when it is back', async () => {
  const [leader, other] = [await open(), await open()];
  await together(2);
  // From here on each knows where it is in the stream.
  await Promise.all(tabs.map(isOpen));
  assert.equal((await sharing(leader)).leader, true);
  await other.show();
  await leader.evaluate(() => void setTimeout(() => {
    for (const end = Date.now() + 40_000; Date.now() < end; );
  }));
  await other.until(() => globalThis.source.sharing?.leader);
  await hub.publish('/a', 'meanwhile');
  await has(other, 'meanwhile');
  await has(leader, 'meanwhile');
  // What it knew before it hung is no answer.
  await leader.until(() => globalThis.source.sharing?.leader === false);
  await together(2);
  assert.deepEqual(records(leader).map(({ data }) => data), [['meanwhile']]);
});

test('a SharedWorker leads, and outlives the tab that made it', async () => {
  const options = { share: { worker: '/worker.js' } };
  const [first, second] = [await open(options), await open(options)];
  await together(2);
  await Promise.all(tabs.map(isOpen));
  assert.deepEqual((await Promise.all([first, second].map(sharing))).map(({ leader }) => leader), [false, false]);
  await hub.publish('/b', 'one');
  await Promise.all([first, second].map((tab) => has(tab, 'one')));
  assert.equal(wire.streams.length, 1, JSON.stringify(wire.requests));
  await first.close();
  tabs = [second];
  await hub.publish('/b', 'two');
  await has(second, 'two');
  assert.equal(wire.streams.length, 1, 'nothing had to be asked again');
  // One that a tab left behind may still be closing.
  await until(() => wire.connections === 1, PATIENCE);
});

test('a worker that is not there: the tabs lead', async () => {
  await open({ share: { worker: '/none.js' } });
  await tabs[0].show();
  await isOpen(tabs[0]);
  assert.equal((await sharing(tabs[0])).leader, true);
});

test('without Web Locks each tab has its own connection, which is said once', async () => {
  const origin = `http://${INSECURE}:${site.port}`;
  await open({}, origin);
  await open({}, origin);
  await Promise.all(tabs.map(isOpen));
  await until(() => wire.connections === 2, PATIENCE);
  for (const tab of tabs) {
    assert.equal(await sharing(tab), null);
    await tab.evaluate(async (url) => {
      const { Source } = await import('/client/index.js');
      const another = new Source(url, { topics: ['/a'], share: true });
      await new Promise((resolve) => (another.onopen = resolve));
      another.close();
    }, wire.url);
    const said = tab.console.filter(({ level }) => level === 'warning').map(({ text }) => text);
    assert.equal(said.length, 1, String(said));
    assert.match(said[0], /Web Locks/);
  }
});
