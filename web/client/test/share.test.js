// What tabs that share go through, one thing at a time: what `share-simulation.test.js` tries at random.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import '../lib/token.js';
import { ring as remember } from '../lib/share/ring.js';
import { VERSION } from '../lib/share/shared.js';
import { serve } from '../share.js';
import { World } from './share-world.js';

const CLIENT = fileURLToPath(new URL('../', import.meta.url));
let world;
beforeEach(() => (world = new World(1)));
const unhandled = [];
process.on('unhandledRejection', (error) => unhandled.push(error));
afterEach(() => {
  delete globalThis.SharedWorker;
  assert.deepEqual(unhandled.splice(0), []);
});

/** What the ring says when it no longer holds what was missed. */
const lost = ({ end }) => [{ prev: '', own: end }];

/** Tabs that are open, and know of each other. */
async function open(...all) {
  const tabs = [];
  for (const options of all) {
    const tab = world.open(options);
    tab.got = [];
    tab.told = [];
    tab.source.onmessage = ({ data }) => tab.got.push(Number(data));
    for (const type of ['open', 'error', 'caughtup', 'sharing']) tab.source.addEventListener(type, () => tab.told.push(type));
    tabs.push(tab);
    await world.pass(3_000);
  }
  return tabs;
}

/** A loop over the source that stays with the first event until `go` is called; and what it threw. */
function slow(tab) {
  const loop = { got: [], go: () => {}, failure: undefined };
  (async () => {
    for await (const { data } of tab.source) {
      loop.got.push(Number(data));
      if (loop.got.length === 1) await new Promise((go) => (loop.go = go));
    }
  })().catch((error) => (loop.failure = error));
  return loop;
}

async function publish(count, ...topics) {
  for (let index = 0; index < count; index += 1) {
    world.hub.publish(...topics);
    await world.pass(20);
  }
}

/** A SharedWorker for all. Its one page never goes. */
function employ() {
  const page = world.page();
  const scope = {};
  serve(scope, page.outside);
  globalThis.SharedWorker = class {
    constructor() {
      const port = {};
      scope.onconnect({ ports: [port] });
      this.port = { postMessage: (data) => port.onmessage({ data: structuredClone(data) }) };
    }
  };
  return page;
}

/** The hub takes this token only. */
function guard(valid) {
  const { fetch } = world.hub;
  const gate = { valid };
  world.hub.fetch = function (tab, url, init) {
    if (init.headers.get('Authorization') === `Bearer ${gate.valid}`) return fetch.call(this, tab, url, init);
    return Promise.resolve(new Response('', { status: 401 }));
  };
  return gate;
}

test('a tab that hung until it was taken for crashed has what was published for it alone', async () => {
  const [, hung] = await open({ topics: ['/a'] }, { topics: ['/b'] });
  await publish(1, '/b');
  hung.stop();
  await world.pass(260_000);
  await publish(1, '/b');
  await publish(1, '/a');
  hung.go();
  await world.pass(60_000);
  await publish(1, '/b');
  await world.pass(20_000);
  assert.deepEqual(hung.got, [1, 2, 4]);
});

test('a source that is closed while its loop is slow takes part no more', async () => {
  const [leads, closed] = await open({ topics: ['/a'] }, { topics: ['/a'] });
  const loop = slow(closed);
  await publish(100, '/a');
  closed.source.close();
  loop.go();
  await world.pass(1_000);
  const { length } = world.hub.requests;
  leads.told.length = 0;
  await world.pass(120_000);
  assert.equal(world.hub.requests.length, length);
  assert.deepEqual(leads.told, []);
  assert.equal(leads.source.sharing.tabs, 1);
  assert.equal(world.locks.holder(world.locks.names()[0]), leads);
});

test('a tab whose loop is slow is not told again and again what it cannot take', async () => {
  const [, behind] = await open({ topics: ['/a'] }, { topics: ['/a'] });
  const loop = slow(behind);
  await publish(200, '/a');
  await world.pass(1_000);
  const { steps } = world.channels;
  await world.pass(120_000);
  assert.equal(world.channels.steps, steps);
  loop.go();
  await world.pass(20_000);
  assert.deepEqual(loop.got, Array.from({ length: 200 }, (_, index) => index + 1));
});

test('what the leader keeps is bounded also when there is no data in it', () => {
  for (const event of [{ data: '', topics: [] }, undefined]) {
    const ring = remember('#e-0');
    for (let index = 1; index <= 10_000; index += 1) ring.push({ prev: `#e-${index - 1}`, own: `#e-${index}`, event });
    assert.deepEqual(ring.after(['#e-0']), lost(ring));
    assert.equal(ring.after(['#e-9000'])?.length, 1_000);
  }
  const ring = remember('#e-0');
  for (let index = 1; index <= 1_000; index += 1) {
    ring.push({ prev: `#e-${index - 1}`, own: `#e-${index}`, event: { data: '', topics: ['/topic'.repeat(1_000)] } });
  }
  assert.deepEqual(ring.after(['#e-500']), lost(ring));
});

test('without its worker a tab has a connection of its own, and says so once', async () => {
  globalThis.SharedWorker = class {
    constructor() {
      throw new DOMException('another origin', 'SecurityError');
    }
  };
  const share = { worker: 'https://cdn.test/worker.js' };
  const [one, other] = await open({ topics: ['/a'], share }, { topics: ['/a'], share });
  assert.deepEqual([one, other].map(({ source }) => [source.readyState, source.sharing]), [[1, null], [1, null]]);
  assert.deepEqual([...one.warned, ...other.warned], ['Headwater shares no connection to http://hub.test: another origin']);
  await publish(1, '/a');
  assert.deepEqual(other.got, [1]);
});

test('a worker leads with the token that it was given last', async () => {
  employ();
  const gate = guard('old');
  const options = (token) => ({ topics: ['/a'], token, share: { identity: 'worker', worker: '/worker.js' } });
  const [old] = await open(options('old'));
  assert.deepEqual(old.source.sharing, { ...old.source.sharing, leader: false, tabs: 1 });
  gate.valid = 'new';
  const [one, other] = await open(options('new'), options('new'));
  world.hub.cut();
  await world.pass(10_000);
  await publish(1, '/a');
  for (const tab of [old, one, other]) {
    assert.deepEqual(tab.got, [1]);
    assert.deepEqual(tab.source.sharing, { ...tab.source.sharing, leader: false, tabs: 3 });
  }
  assert.equal(world.hub.streams, 1);
});

test('a tab whose token is refused goes alone, and the next one leads with its own', async () => {
  const gate = guard('old');
  const options = (token) => ({ topics: ['/a'], token, share: 'whose' });
  const [old, one, other] = await open(options('old'), options('new'), options('new'));
  assert.equal(old.source.sharing.leader, true);
  gate.valid = 'new';
  world.hub.cut();
  await world.pass(10_000);
  assert.equal(old.source.readyState, 2);
  await publish(1, '/a');
  assert.deepEqual([one.got, other.got], [[1], [1]]);
  assert.deepEqual([one, other].map(({ source }) => [source.sharing.leader, source.sharing.tabs]), [[true, 2], [false, 2]]);
  assert.equal(world.hub.streams, 1);
});

test('to catch up is no break: it stays open, says nothing, and is told as much of each event', async () => {
  const [, behind] = await open({ topics: ['/a'] }, { topics: ['/a'] });
  const loop = slow(behind);
  await publish(100, '/a');
  behind.told.length = 0;
  // The leader's stream is another one now: it no longer holds what was before.
  const [other] = await open({ topics: ['/c'] });
  await publish(100, '/a');
  behind.source.addEventListener('message', () => assert.equal(behind.source.readyState, 1));
  loop.go();
  await world.pass(20_000);
  assert.deepEqual(loop.got, Array.from({ length: 200 }, (_, index) => index + 1));
  assert.deepEqual(behind.told, ['sharing']);
  assert.equal(other.source.sharing.tabs, 3);
  const polls = world.hub.requests.filter(({ poll }) => poll);
  assert.ok(polls.length > 0);
  for (const { tab, url } of polls) {
    assert.equal(tab, behind);
    assert.match(url.searchParams.get('include'), /selector/);
  }
});

test('who has come to where the leader is while the answer was on its way has nothing to catch up with', async () => {
  const [, follows, changes] = await open({ topics: ['/a'] }, { topics: ['/a'] }, { topics: ['/c'] });
  for (let round = 1; round <= 20; round += 1) {
    changes.source.subscribe(`/c/${round}`);
    await world.pass(5);
    follows.life('nudge');
    world.hub.publish('/a');
    await world.pass(3_000);
  }
  assert.equal(follows.got.length, 20);
  assert.ok(!world.hub.requests.some(({ poll, tab }) => poll && tab === follows));
});

test('who closes as soon as it hears of a leader does not catch up any more', async () => {
  await open({ topics: ['/a'], cursor: 'earliest' });
  await publish(10, '/a');
  await open({ topics: ['/c'] });
  for (const type of ['sharing', 'open']) {
    const late = world.open({ topics: ['/a'], cursor: '#0-1' });
    late.source.addEventListener(type, () => late.source.close());
    late.source.onerror = ({ message }) => assert.fail(message);
    world.hub.down = true;
    await world.pass(3_000);
    world.hub.down = false;
    assert.equal(late.source.readyState, 2);
    assert.ok(world.hub.requests.every(({ tab }) => tab !== late), `it asks after its end, which a listener for ${type} brought about`);
  }
});

test('a leader whose loop is slow hears in the end that its connection is over', async () => {
  const [leads] = await open({ topics: ['/a'] });
  const loop = slow(leads);
  await publish(100, '/a');
  world.hub.refuse = () => 400;
  world.hub.cut();
  await world.pass(10_000);
  assert.equal(leads.source.readyState, 1);
  loop.go();
  await world.pass(20_000);
  assert.equal(loop.failure?.status, 400);
  assert.equal(leads.source.cursor, `#a-${loop.got.length}`);
});

test('two versions of the library share neither channel nor lock', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'headwater-version-'));
  for (const name of ['package.json', 'index.js', 'share.js', 'decoder.js', 'publish.js', 'lib']) {
    cpSync(CLIENT + name, path.join(folder, name), { recursive: true });
  }
  const file = path.join(folder, 'lib/share/shared.js');
  writeFileSync(file, readFileSync(file, 'utf8').replace(VERSION, 'headwater 99.0.0'));
  const { Source } = await import(path.join(folder, 'index.js'));
  await import(path.join(folder, 'share.js'));
  const [here] = await open({ topics: ['/a'] });
  const there = world.page();
  there.source = new Source('http://hub.test', { topics: ['/a'], share: true }, there.outside);
  await world.pass(3_000);
  for (const { source } of [here, there]) assert.deepEqual([source.sharing.leader, source.sharing.tabs], [true, 1]);
  assert.equal(world.locks.names().length, 2);
  rmSync(folder, { recursive: true });
});
