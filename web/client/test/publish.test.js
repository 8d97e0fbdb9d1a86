import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadwaterError, publish } from '@headwater/client/publish';
import { settled, World } from './world.js';

async function publishing(update, url = 'http://hub.test') {
  const world = new World();
  const result = publish(url, update, world.outside);
  result.catch(() => {});
  await settled();
  return { world, result };
}
const form = (request) => String(request.init.body);

test('sends a form, and returns the id', async () => {
  const { world, result } = await publishing({
    topic: ['/a b', 'é'], data: 'x&y=\n+', private: true, id: '1', type: 't', retry: 5, token: 'T',
  });
  const { url, init, headers } = world.last;
  assert.equal(url.href, 'http://hub.test/.well-known/mercure');
  assert.equal(form(world.last), 'topic=%2Fa+b&topic=%C3%A9&data=x%26y%3D%0A%2B&private=on&id=1&type=t&retry=5');
  assert.equal(headers.Authorization, 'Bearer T');
  assert.match(headers['Idempotency-Key'], /^"(\d{1,10}-){3}\d{1,10}"$/);
  assert.deepEqual([init.method, init.redirect, init.cache], ['POST', 'error', 'no-store']);
  await world.last.reply(200, 'text/plain; charset=utf-8', '#a-1');
  assert.equal(await result, '#a-1');
});

test('data that is no text is sent as JSON', async () => {
  const { world } = await publishing({ topic: 'a', data: { b: [1] } });
  assert.equal(form(world.last), 'topic=a&data=%7B%22b%22%3A%5B1%5D%7D');
  assert.equal('Authorization' in world.last.headers, false);
});

test('a lost answer is sent for again with the same key, a new publish with another', async () => {
  const { world, result } = await publishing({ topic: 'a' });
  world.last.fail();
  await world.pass(200);
  await world.last.reply(503, 'text/plain', '', { 'Retry-After': '2' });
  await world.pass(1_999);
  assert.equal(world.requests.length, 2);
  await world.pass(1);
  // No answer at all is given up, too.
  await world.pass(30_000);
  assert.ok(world.last.aborted);
  await world.pass(800);
  await world.last.reply(200, 'text/plain', 'id');
  assert.equal(await result, 'id');
  const keys = world.requests.map(({ headers }) => headers['Idempotency-Key']);
  assert.equal(keys.length, 4);
  assert.equal(new Set(keys).size, 1);
  const other = await publishing({ topic: 'a' });
  assert.notEqual(other.world.last.headers['Idempotency-Key'], keys[0]);
  const own = await publishing({ topic: 'a', idempotencyKey: 'say "7"' });
  assert.equal(own.world.last.headers['Idempotency-Key'], '"say \\"7\\""');
});

test('what would be the same again is not tried again', async () => {
  for (const [status, type, kind] of [
    [400, 'application/problem+json', 'refused'],
    [401, 'text/plain', 'refused'],
    [403, 'text/plain', 'refused'],
    [422, 'text/plain', 'refused'],
    [500, 'text/plain', 'refused'],
    [200, 'text/html', 'content-type'],
  ]) {
    const { world, result } = await publishing({ topic: 'a', token: 'T' });
    await world.last.reply(status, type, '{}');
    await assert.rejects(result, (error) => error instanceof HeadwaterError && error.kind === kind, `${status}`);
    await world.pass(1e6);
    assert.equal(world.requests.length, 1);
  }
});

test('it gives up after so many attempts, or when it is asked to wait for long', async () => {
  const { world, result } = await publishing({ topic: 'a', attempts: 2 });
  world.last.fail();
  await world.pass(200);
  world.last.fail(new TypeError('fetch failed', { cause: new Error('no route') }));
  await assert.rejects(result, { kind: 'network', message: 'the connection broke: no route' });
  const busy = await publishing({ topic: 'a' });
  await busy.world.last.reply(429, 'text/plain', 'slower', { 'Retry-After': '61' });
  await assert.rejects(busy.result, { kind: 'refused', status: 429, retryAfter: 61_000 });
});

test('a refused token is asked for once more', async () => {
  const asked = [];
  const token = (what) => {
    asked.push(what.refused);
    return Promise.resolve(`T${asked.length}`);
  };
  const { world, result } = await publishing({ topic: 'a', token });
  await world.last.reply(401, 'text/plain', '');
  assert.equal(world.last.headers.Authorization, 'Bearer T2');
  assert.deepEqual(asked, [false, true]);
  await world.last.reply(401, 'text/plain', '');
  await assert.rejects(result, { status: 401 });
});

test('a token that does not come holds nobody who aborts, or is patient for long', async () => {
  const token = () => new Promise(() => {});
  const abort = new AbortController();
  const aborted = await publishing({ topic: 'a', token, signal: abort.signal });
  abort.abort('enough');
  await assert.rejects(aborted.result, { kind: 'aborted', cause: 'enough' });
  const late = await publishing({ topic: 'a', token, attempts: 1 });
  await late.world.pass(30_000);
  await assert.rejects(late.result, { kind: 'timeout' });
  assert.equal(late.world.requests.length + aborted.world.requests.length, 0);
  let asked = 0;
  const again = await publishing({ topic: 'a', token: () => ((asked += 1) === 1 ? token() : 'T') });
  await again.world.pass(30_200);
  assert.equal(again.world.last.headers.Authorization, 'Bearer T');
});

test('it can be aborted, while it asks and while it waits', async () => {
  for (const waiting of [false, true]) {
    const abort = new AbortController();
    const { world, result } = await publishing({ topic: 'a', signal: abort.signal });
    if (waiting) {
      world.last.fail();
      await settled();
    }
    abort.abort();
    await assert.rejects(result, { kind: 'aborted' });
    await world.pass(1e6);
    assert.equal(world.requests.length, 1);
  }
});
