// Tabs that share: what one decides, and what all have of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFileSync } from 'node:fs';
import { serve } from '@headwater/client/share';
import { judge, member as join } from '../lib/share/member.js';
import { ring as remember } from '../lib/share/ring.js';
import { VERSION } from '../lib/share/shared.js';
import { World } from './share-world.js';

/** What the ring says when it no longer holds what was missed. */
const lost = ({ end }) => [{ prev: '', own: end }];

/** A tab, and all that its source dispatched, as short texts. */
function open(world, options) {
  const tab = world.open({ retry: 100, ...options });
  tab.seen = [];
  const { source } = tab;
  for (const type of ['open', 'caughtup']) source.addEventListener(type, () => tab.seen.push(type));
  source.addEventListener('message', ({ data }) => tab.seen.push(data));
  source.addEventListener('gap', ({ from, to }) => tab.seen.push(`gap ${from} ${to}`));
  source.addEventListener('error', ({ error, retryIn }) => tab.seen.push(`${error.kind} ${retryIn === null ? 'over' : 'again'}`));
  return tab;
}

const streams = ({ hub }) => hub.requests.filter(({ poll }) => !poll);
const asks = ({ url }) => url.searchParams.getAll('topic');

test('who does not answer is robbed, unless the asker was late itself', () => {
  const member = join(0);
  assert.equal(member.on('ask', 0), 'ask');
  assert.equal(member.on('elapsed', 4_999), undefined);
  assert.equal(member.on('elapsed', 5_000), 'steal');
  assert.equal(member.on('elapsed', 10_000), 'steal', 'and whoever robbed it before us, and hangs as well');
  const { turn } = member;
  assert.equal(member.on('elapsed', 17_000), 'ask', 'our timer ran late: maybe so did the answer');
  assert.ok(member.turn > turn, 'an answer to the last question is none to this one');
  member.on('heard', 21_000);
  assert.equal(member.on('elapsed', 22_000), undefined, 'it lives, as it tells us so much');
  member.on('answer', 23_000);
  assert.deepEqual([member.turn, member.until], [0, 33_000]);
  assert.equal(member.on('elapsed', 99_000), 'ask', 'nothing was asked: being late is no matter');
  member.on('sleep', 99_001);
  assert.deepEqual([member.turn, member.until], [0, Infinity]);
});

test('a step is the next, an old one, or cannot be placed', () => {
  for (const [prev, own, position, is] of [
    ['#a-1', '#a-2', '#a-1', 'next'],
    ['#a-1', '#a-9', '#a-5', 'next'],
    ['#a-1', '#a-5', '#a-5', 'old'],
    ['#a-1', '#a-4', '#a-5', 'old'],
    ['#a-6', '#a-7', '#a-5', 'astray'],
    ['#a-9', '#a-10', '#a-9', 'next'],
    ['#a-18446744073709551614', '#a-18446744073709551615', '#a-18446744073709551614', 'next'],
    ['#a-5', '#b-1', '#a-5', 'next'],
    ['#a-4', '#b-1', '#a-5', 'astray'],
    ['#b-5', '#b-6', '#a-5', 'astray'],
    ['', '#a-6', '#a-5', 'astray'],
    ['earliest', '#a-1', 'earliest', 'next'],
    ['earliest', '#a-9', '#a-5', 'astray'],
    ['earliest', '#a-5', '#a-9', 'old'],
    ['urn:x-1', '#a-2', 'urn:x-2', 'astray'],
  ]) assert.equal(judge({ prev, own }, position), is, `${prev} → ${own} at ${position}`);
});

test('what was told last is told again, as far as it is held', () => {
  const ring = remember('#a-0');
  assert.deepEqual(ring.after(['#a-0']), []);
  assert.deepEqual(ring.after(['#b-7']), lost(ring));
  const push = (n, data = '') => ring.push({ prev: `#a-${n - 1}`, own: `#a-${n}`, event: { data, topics: [] } });
  for (let n = 1; n <= 10; n += 1) push(n);
  assert.deepEqual(ring.after(['#a-7']).map(({ own }) => own), ['#a-8', '#a-9', '#a-10']);
  assert.deepEqual(ring.after(['#b-1', '#a-9']).map(({ own }) => own), ['#a-10']);
  assert.deepEqual(ring.after(['#a-12']), [], 'who is farther has missed nothing');
  push(11, 'x'.repeat(1 << 20));
  assert.deepEqual(ring.after(['#a-10']), lost(ring), 'it is bounded by what it holds');
  for (let n = 12; n < 20_000; n += 1) push(n);
  assert.deepEqual(ring.after(['#a-11']), lost(ring), 'and by how much');
});

test('many tabs, one connection, and each gets its own', async () => {
  const world = new World(1);
  const one = open(world, { topics: ['/a'] });
  await world.pass(100);
  const two = open(world, { topics: ['/b', '/c'] });
  await world.pass(100);
  for (const topic of ['/a', '/b', '/d']) world.hub.publish(topic);
  await world.pass(100);
  assert.deepEqual([one.seen, two.seen], [['open', 'caughtup', '1'], ['open', 'caughtup', '2']]);
  assert.equal(world.hub.streams, 1);
  assert.deepEqual(streams(world).map(asks), [['/a'], ['/a', '/b', '/c']]);
  assert.deepEqual([one, two].map(({ source }) => [source.sharing.leader, source.sharing.tabs]), [[true, 2], [false, 2]]);
  assert.deepEqual([one, two].map(({ source }) => source.cursor), ['#a-3', '#a-3'].map(() => one.source.cursor));
  const init = streams(world)[0];
  assert.equal(init.url.searchParams.get('include'), 'cursor,gap,topic,selector');
});

test('a cut reaches all, with the time to the next attempt', async () => {
  const world = new World(1);
  const tabs = [open(world, { topics: ['/a'] }), open(world, { topics: ['/b'] })];
  await world.pass(200);
  world.hub.down = true;
  world.hub.cut();
  await world.pass(20);
  assert.deepEqual(tabs.map(({ source }) => source.readyState), [0, 0]);
  world.hub.down = false;
  world.hub.publish('/a', '/b');
  await world.pass(2_000);
  for (const { seen } of tabs) assert.deepEqual(seen, ['open', 'caughtup', 'network again', 'open', '1', 'caughtup']);
});

test('who comes late gets all after its cursor, in order, and only then hears that it has caught up', async () => {
  const world = new World(1);
  for (let n = 0; n < 120; n += 1) world.hub.publish('/a');
  open(world, { topics: ['/a'] });
  await world.pass(100);
  const late = open(world, { topics: ['/a'], cursor: '#a-1' });
  await world.pass(10);
  world.hub.publish('/a');
  await world.pass(1_000);
  const numbers = Array.from({ length: 120 }, (_, index) => String(index + 2));
  assert.deepEqual(late.seen, ['open', ...numbers, 'caughtup']);
  assert.equal(world.hub.streams, 1);
  assert.ok(world.hub.requests.some(({ poll, tab }) => poll && tab === late));
});

test('what is lost is told to those who lost it, where it was', async () => {
  const world = new World(1);
  const tabs = [open(world, { topics: ['/a'] }), open(world, { topics: ['/a'] })];
  await world.pass(200);
  world.hub.publish('/a');
  await world.pass(100);
  world.hub.down = true;
  world.hub.cut();
  for (let n = 0; n < 5; n += 1) world.hub.publish('/a');
  world.hub.earliest = 4;
  world.hub.down = false;
  await world.pass(3_000);
  const late = open(world, { topics: ['/a'], cursor: '#a-0' });
  const later = open(world, { topics: ['/a'], cursor: '#0-1' });
  await world.pass(3_000);
  for (const { seen } of tabs) assert.deepEqual(seen.slice(3), ['network again', 'open', 'gap #a-1 #a-5', '5', '6', 'caughtup']);
  assert.deepEqual(late.seen, ['open', '1', 'gap #a-1 #a-5', '5', '6', 'caughtup'], 'a tab still had what the hub has not');
  assert.deepEqual(later.seen, ['open', 'gap #0-1 #a-5', '5', '6', 'caughtup']);
});

test('a slow loop holds little, and keeps nobody waiting', async () => {
  const world = new World(1);
  const quick = open(world, { topics: ['/a'] });
  const slow = world.open({ topics: ['/a'] });
  const loop = slow.source[Symbol.asyncIterator]();
  const first = loop.next();
  await world.pass(200);
  for (let n = 0; n < 300; n += 1) {
    world.hub.publish('/a');
    if (n % 10 === 0) await world.pass(5);
  }
  await world.pass(1_000);
  assert.equal(quick.seen.length, 302);
  const got = [(await first).value.data];
  // It has not fetched more than fits, and so it is not far.
  assert.ok(Number(slow.source.cursor.split('-')[1]) < 100);
  while (got.length < 300) {
    const next = loop.next();
    await world.pass(10);
    got.push((await next).value.data);
  }
  assert.deepEqual(got, Array.from({ length: 300 }, (_, index) => String(index + 1)));
});

test('a topic that nobody wants leaves, without hurry', async () => {
  const world = new World(1);
  const one = open(world, { topics: ['/a'] });
  const two = open(world, { topics: ['/a', '/b'] });
  await world.pass(200);
  const before = streams(world).length;
  two.source.unsubscribe('/b');
  await world.pass(29_000);
  assert.equal(streams(world).length, before);
  await world.pass(60_000);
  assert.deepEqual(streams(world).slice(before).map(asks), [['/a']]);
  assert.deepEqual([one.source.sharing.tabs, two.source.topics], [2, ['/a']]);
});

test('a crashed tab is forgotten after a while, and all know', async () => {
  const world = new World(1);
  const [one, two] = [open(world, { topics: ['/a'] }), open(world, { topics: ['/b'] })];
  await world.pass(200);
  two.crash();
  await world.pass(100_000);
  assert.equal(one.source.sharing.tabs, 2);
  await world.pass(200_000);
  assert.equal(one.source.sharing.tabs, 1);
  assert.deepEqual(asks(streams(world).at(-1)), ['/a']);
});

test('the leader asks its own tab for tokens, and the next one its own', async () => {
  const world = new World(1);
  const share = { identity: 'alice' };
  const one = open(world, { topics: ['/a'], share, token: () => 'one' });
  const two = open(world, { topics: ['/a'], share, token: () => 'two' });
  const other = open(world, { topics: ['/a'], share: 'bob', token: 'three' });
  await world.pass(300);
  one.life('sleep');
  one.crash();
  await world.pass(300);
  assert.deepEqual(streams(world).map(({ headers }) => headers.get('Authorization')), ['Bearer one', 'Bearer three', 'Bearer two']);
  assert.deepEqual([two, other].map(({ source }) => source.sharing.tabs), [1, 1]);
});

test('whom the server refuses is one of them: each finds out for itself', async () => {
  const world = new World(1);
  world.hub.refuse = ({ url }) => (url.searchParams.getAll('topic').includes('/bad') ? 400 : 0);
  const good = open(world, { topics: ['/a'] });
  await world.pass(100);
  const bad = open(world, { topics: ['/bad'] });
  await world.pass(500);
  world.hub.publish('/a');
  await world.pass(200);
  assert.deepEqual([good.source.readyState, bad.source.readyState], [1, 2]);
  assert.deepEqual([good.seen.at(-1), bad.seen.at(-1)], ['1', 'refused over']);
  assert.equal(good.source.sharing, null);
  assert.match(String(good.warned), /400/);
});

test('topics beyond 6 KiB of URL have a connection of their own', async () => {
  const world = new World(1);
  const topics = (name) => Array.from({ length: 60 }, (_, index) => `/${name}/${'x'.repeat(50)}/${index}`);
  const tabs = ['a', 'b'].map((name) => open(world, { topics: topics(name) }));
  await world.pass(500);
  assert.deepEqual(tabs.map(({ source }) => source.readyState), [1, 1]);
  assert.deepEqual(tabs.map(({ source }) => source.sharing?.tabs), [1, undefined]);
  assert.match(String(tabs[1].warned), /too many topics/);
});

test('what cannot be shared is not, and that is said once', async () => {
  const world = new World(1);
  for (const [options, why] of [
    [{ hub: false }, /no plain request/],
    [{ topics: ['/a'], headers: { 'X-A': '1' } }, /no plain request/],
    [{ topics: ['/a'], fetch: () => new Promise(() => {}) }, /no plain request/],
    [{ topics: ['/a'], method: 'POST', body: '' }, /no plain request/],
    [{ topics: ['/a'], comments: true }, /no plain request/],
    [{ topics: ['/a'], token: 'secret' }, /identity/],
    [{ topics: ['/a'], withCredentials: true }, /identity/],
  ]) {
    // Another URL: the same text is said once.
    const tabs = [0, 1].map(() => open(world, { ...options, share: true, url: `http://hub-${String(why).length}-${JSON.stringify(options).length}.test/` }));
    await world.pass(10);
    const warned = tabs.flatMap((tab) => tab.warned);
    assert.equal(warned.length, 1, JSON.stringify(options));
    assert.match(warned[0], why);
    assert.ok(tabs.every(({ source }) => source.sharing === null));
    for (const { source } of tabs) source.close();
  }
});

test('other options, another identity: another connection', async () => {
  const world = new World(1);
  for (const options of [{}, { retry: 200 }, { share: 'x' }, { share: { identity: 'y' } }, { strict: true }]) {
    for (let count = 0; count < 2; count += 1) open(world, { topics: ['/a'], ...options });
  }
  await world.pass(500);
  assert.equal(world.hub.streams, 5);
});

test('a SharedWorker leads, and no tab', async () => {
  const world = new World(1);
  const scope = {};
  const place = world.page();
  serve(scope, place.outside);
  globalThis.SharedWorker = class {
    constructor(url, { type, name }) {
      assert.deepEqual([url, type, name], ['/worker.js', 'module', VERSION]);
      const port = {};
      scope.onconnect({ ports: [port] });
      this.port = { postMessage: (data) => port.onmessage({ data: structuredClone(data) }) };
    }
  };
  try {
    const share = { worker: '/worker.js' };
    const tabs = [open(world, { topics: ['/a'], share, silence: Infinity }), open(world, { topics: ['/b'], share, silence: Infinity })];
    await world.pass(200);
    world.hub.publish('/a', '/b');
    await world.pass(100);
    for (const { source, seen } of tabs) assert.deepEqual([source.sharing.leader, source.sharing.tabs, seen.at(-1)], [false, 2, '1']);
    assert.ok(world.hub.requests.every(({ tab }) => tab === place));
    for (const tab of tabs) tab.source.close();
    await world.pass(100);
    assert.equal(world.hub.streams, 0, 'nobody is there');
    // A function stays in its tab.
    const own = open(world, { topics: ['/a'], share: { worker: '/worker.js', identity: 'x' }, token: () => 't' });
    await world.pass(200);
    assert.equal(own.source.sharing.leader, true);
    own.source.close();
    // One that hangs is robbed.
    const third = open(world, { topics: ['/a'], share, silence: Infinity });
    await world.pass(200);
    place.stop();
    await world.pass(30_000);
    assert.equal(third.source.sharing.leader, true);
  } finally {
    delete globalThis.SharedWorker;
  }
});

test('the version that keeps others apart is that of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.equal(VERSION, `headwater ${version}`);
});
