// Tokens, requests of one's own, loops, signals.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventSource } from '@headwater/client';
import { keep } from '../lib/token.js';
import { event, HUB, mark, settled, World } from './world.js';

const URL_ = 'http://server.test/events';
const jwt = (claims) => `x.${btoa(JSON.stringify(claims)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.y`;
const bearer = (request) => request.headers.get('Authorization');

test('a token function is asked again after a 401, once, and told so', async () => {
  const world = new World();
  const asked = [];
  const token = async ({ refused }) => {
    asked.push(refused);
    return `T${asked.length}`;
  };
  const { seen } = await world.source(URL_, { token }, EventSource);
  assert.equal(bearer(world.last), 'Bearer T1');
  await world.last.reply(401, 'text/plain', '');
  assert.equal(bearer(world.last), 'Bearer T2');
  const stream = await world.last.open();
  await stream.break();
  await world.pass(1_000);
  assert.equal(bearer(world.last), 'Bearer T2', 'a good one is kept');
  await world.last.reply(401, 'text/plain', '');
  await world.last.reply(401, 'text/plain', 'Not you');
  assert.deepEqual(asked, [false, true, true]);
  assert.deepEqual(seen, ['open', 'network 1000', 'refused 401 null']);
});

test('a token that is a string is refused for good', async () => {
  const world = new World();
  const { seen } = await world.source(URL_, { token: 'T' });
  assert.equal(bearer(world.last), 'Bearer T');
  await world.last.reply(401, 'text/plain', '');
  assert.deepEqual(seen, ['refused 401 null']);
});

test('a token that ends is renewed before, and the stream goes on without an error', async () => {
  const world = new World();
  const made = [];
  const token = () => {
    const iat = Math.floor(world.wallTime / 1_000);
    made.push(jwt({ iat, exp: iat + 100 }));
    return made.at(-1);
  };
  const { seen } = await world.source(HUB, { topics: ['*'], token });
  let stream = await world.last.open();
  await stream.send(mark(1));
  await world.pass(45_000);
  await stream.send(event(2));
  await world.pass(44_999);
  assert.equal(world.requests.length, 1);
  await world.pass(1);
  assert.ok(stream.aborted);
  assert.deepEqual([bearer(world.last), world.last.cursor], [`Bearer ${made[1]}`, '#a-2']);
  stream = await world.last.open();
  await stream.send(mark(2) + event(3));
  assert.deepEqual(seen, ['open', 'caughtup', '2', 'open', '3']);
});

test('when a token wants to be renewed, also by a clock that is wrong', async () => {
  const wall = 1_700_000_000_000;
  const renewIn = async (token) => {
    const kept = keep(() => token, { now: () => 0, wall: () => wall });
    await kept.get(new AbortController().signal);
    return kept.until;
  };
  const now = wall / 1_000;
  for (const [token, want] of [
    ['opaque', Infinity],
    ['a.b.c', Infinity],
    [jwt({}), Infinity],
    [jwt({ exp: '1' }), Infinity],
    [jwt({ exp: now + 100 }), 90_000],
    [jwt({ exp: now + 36_000 }), 35_940_000],
    [jwt({ iat: now, exp: now + 100 }), 90_000],
    [jwt({ iat: now - 50, exp: now + 50, sub: 'ü?>' }), 45_000],
    [jwt({ exp: now - 5 }), Infinity], // ended already: the clock is wrong, and there is nothing else to go by
    [jwt({ iat: now - 7_000, exp: now - 6_900 }), 90_000],
    [jwt({ iat: now + 7_000, exp: now + 7_100 }), 90_000],
    [jwt({ exp: now + 1 }), 1_000],
  ]) assert.equal(await renewIn(token), want, token);
});

test('a token function that fails is tried again; one that repeats itself is not asked each second', async () => {
  const world = new World();
  let fails = true;
  const iat = Math.floor(world.wallTime / 1_000);
  const token = () => {
    if (fails) throw new Error('the session server is away');
    return jwt({ iat, exp: iat + 2 });
  };
  const { seen } = await world.source(URL_, { token });
  assert.deepEqual(seen, ['token 1000']);
  assert.equal(world.requests.length, 0);
  fails = false;
  await world.pass(1_000);
  await world.last.open();
  // Once it wants another one, gets the same, and leaves it at that.
  await world.pass(1_800);
  assert.equal(world.requests.length, 2);
  await world.last.open();
  await world.pass(1e6);
  assert.equal(world.requests.length, 2);
});

test('a token that never comes blocks nothing: the next attempt asks again, also where a poll was tried beside', async () => {
  for (const url of [URL_, HUB]) {
    const world = new World();
    const asked = [];
    const token = () => new Promise((resolve) => asked.push(resolve));
    const { seen } = await world.source(url, { token });
    await world.pass(29_999);
    assert.deepEqual([asked.length, world.requests.length], [1, 0]);
    await world.pass(1_001);
    assert.deepEqual([asked.length, ...seen], [2, 'timeout 1000']);
    asked[1]('T');
    await settled();
    assert.deepEqual(world.requests.map(bearer), ['Bearer T']);
    await (await world.last.open()).send(':\n');
    assert.deepEqual(seen, ['timeout 1000', 'open']);
  }
});

test('a POST is sent once, unless it may be repeated', async () => {
  const world = new World();
  const post = { method: 'POST', body: '{"prompt":"Hi"}', headers: { 'Content-Type': 'application/json' } };
  const { source, seen } = await world.source(URL_, post);
  assert.deepEqual([world.last.init.method, world.last.init.body, world.last.init.redirect], ['POST', post.body, 'error']);
  const stream = await world.last.open();
  await stream.send('data: Hel\n\n');
  await stream.end();
  assert.deepEqual([source.readyState, ...seen], [2, 'open', 'Hel', 'closed null']);
  await world.pass(1e6);
  assert.equal(world.requests.length, 1);
  const other = new World();
  await other.source(URL_, { ...post, repeat: true });
  other.last.fail();
  await other.pass(1_000);
  assert.equal(other.requests.length, 2);
});

test('a POST is not sent again for a fresh token or for a page that was frozen, which ends it', async () => {
  const world = new World();
  const iat = Math.floor(world.wallTime / 1_000);
  const token = () => jwt({ iat, exp: iat + 100 });
  const { source, seen } = await world.source(URL_, { method: 'POST', token });
  const stream = await world.last.open();
  await world.pass(95_000);
  await stream.send('data: Hel\n\n');
  world.lifecycle('sleep');
  assert.ok(stream.aborted);
  world.lifecycle('wake');
  await settled();
  assert.deepEqual([source.readyState, world.requests.length, ...seen], [2, 1, 'open', 'Hel', 'network null']);
});

test('as few preflights as the native one, and no credentials on the way elsewhere', async () => {
  const request = async (url, options, page) => {
    const world = new World();
    world.page = page;
    await world.source(url, { cursor: 'é', ...options });
    return world.last;
  };
  const page = 'https://page.test';
  const parts = ({ url, headers, init }) => [url.searchParams.get('lastEventID'), headers.get('Last-Event-ID'), init.redirect];
  // Nothing else needs a preflight: the cursor does not cause one.
  assert.deepEqual(parts(await request(HUB, {}, page)), ['é', null, 'follow']);
  assert.deepEqual(parts(await request(HUB, { headers: { 'Accept-Language': 'de' } }, page)), ['é', null, 'error']);
  // Something does, or nothing can.
  assert.deepEqual(parts(await request(HUB, { token: 'T' }, page)), [null, 'Ã©', 'follow']);
  assert.deepEqual(parts(await request(HUB, { headers: { 'X-Key': '1' } }, page)), [null, 'Ã©', 'error']);
  assert.deepEqual(parts(await request(HUB, { headers: { 'X-Key': '1' }, redirect: 'follow' }, page)), [null, 'Ã©', 'follow']);
  assert.deepEqual(parts(await request(HUB, {}, 'http://hub.test')), [null, 'Ã©', 'follow']);
  assert.deepEqual(parts(await request(HUB, {}, undefined)), [null, 'Ã©', 'follow']);
  // What is no hub knows the header only; what a header would lose a hub has from the query.
  assert.deepEqual(parts(await request(URL_, {}, page)), [null, 'Ã©', 'follow']);
  assert.deepEqual(parts(await request(HUB, { cursor: ' x' })), [' x', null, 'follow']);
  // An older cursor of the URL's would count in the place of ours.
  const { url } = await request(`${HUB}?topic=a&last_event_id=1&lastEventID=2&include=topic`, {}, page);
  assert.equal(url.search, '?include=topic&topic=a&include=cursor%2Cgap&lastEventID=%C3%A9');
});

test('for await: bounded, and reading stops while the loop is slow', async () => {
  const world = new World();
  const { source } = await world.source(HUB, { topics: ['*'] });
  const loop = source[Symbol.asyncIterator]();
  assert.throws(() => source[Symbol.asyncIterator](), TypeError, 'each of two would have half of the events');
  const stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
  for (let n = 1; n <= 64; n += 1) await stream.send(event(n));
  const pulls = stream.pulls;
  await stream.send(event(65));
  await world.pass(1e6);
  assert.equal(stream.pulls, pulls, 'nothing more is asked of the network, and that is no silence');
  assert.equal(source.readyState, 1);
  for (let n = 1; n <= 65; n += 1) {
    const { value } = await loop.next();
    assert.deepEqual([value.data, source.cursor], [String(n), `#a-${n}`]);
    await settled();
  }
  assert.ok(stream.pulls > pulls);
  const next = loop.next();
  await stream.send(event(66));
  assert.equal((await next).value.data, '66');
  await stream.send(event(67));
  assert.equal(source.cursor, '#a-66', 'it is the loop that moves on');
  await loop.return();
  assert.equal(source.readyState, 2);
  assert.deepEqual(await loop.next(), { done: true, value: undefined });
});

test('a loop ends with the source, and throws what ended it', async () => {
  const ends = async (end, options = {}) => {
    const world = new World();
    const { source } = await world.source(URL_, options);
    const data = [];
    const done = (async () => {
      for await (const one of source) data.push(one.data);
      return data.join();
    })().catch((error) => error);
    await settled();
    await end(world, source);
    return done;
  };
  assert.equal(await ends(async (world, source) => {
    await (await world.last.open()).send('data: 1\n\nevent: x\ndata: 2\n\n');
    source.close();
  }), '1,2');
  assert.equal(await ends((world) => world.last.reply(204, null, null)), '');
  assert.equal((await ends((world) => world.last.reply(403, 'text/plain', 'No'))).status, 403);
  assert.equal(await ends(async (world) => {
    const stream = await world.last.open();
    await stream.send('data: 1\n\n');
    await stream.end();
  }, { repeat: false }), '1');
  const abort = new AbortController();
  assert.equal(await ends(async () => abort.abort('enough'), { signal: abort.signal }), 'enough');
});

test('nothing follows close() in a loop, however much waits, and nothing of it is kept; an abort is the same', async () => {
  for (const how of ['close', 'abort']) {
    const world = new World();
    const abort = new AbortController();
    const { source } = await world.source(HUB, { topics: ['*'], store: `after ${how}`, signal: abort.signal });
    const loop = source[Symbol.asyncIterator]();
    await (await world.last.open()).send(event(1) + event(2) + event(3));
    assert.equal((await loop.next()).value.data, '1');
    if (how === 'close') source.close();
    else abort.abort('enough');
    if (how === 'close') assert.deepEqual(await loop.next(), { done: true, value: undefined });
    else await assert.rejects(loop.next(), (reason) => reason === 'enough');
    assert.equal(source.cursor, '#a-1');
    assert.deepEqual([...world.stored.values()].filter((text) => text.startsWith('#')), ['#a-1']);
  }
});

test('a signal closes it, before and after it began', async () => {
  const world = new World();
  const early = await world.source(URL_, { signal: AbortSignal.abort() });
  assert.equal(early.source.readyState, 2);
  assert.equal(world.requests.length, 0);
  const abort = new AbortController();
  const { source, seen } = await world.source(URL_, { signal: abort.signal });
  abort.abort();
  await settled();
  assert.deepEqual([source.readyState, world.last.aborted, seen], [2, true, []]);
});

test('an answer that does not come is given up, after the time that is given', async () => {
  const world = new World();
  const { seen } = await world.source(URL_, { timeout: 90_000 });
  await world.pass(89_999);
  assert.deepEqual([seen, world.last.aborted], [[], false]);
  await world.pass(1);
  assert.deepEqual([seen, world.last.aborted], [['timeout 1000'], true]);
});

test('a fetch of one\'s own', async () => {
  const world = new World();
  const asked = [];
  await world.source(URL_, { fetch: async (url, init) => {
    asked.push([url, init.cache]);
    return new Response(null, { status: 204 });
  } });
  assert.deepEqual(asked, [[URL_, 'no-store']]);
});
