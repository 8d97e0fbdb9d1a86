// What the browser's EventSource does, ours does (HTML standard, 9.2).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventSource, ServerEvent, Source } from '@headwater/client';
import { settled, World } from './world.js';

const URL_ = 'http://server.test/events?x=1';

test('connects, opens with the head, dispatches, and closes', async () => {
  const world = new World();
  const { source, seen } = await world.source(URL_, {}, EventSource);
  assert.deepEqual([source.url, source.withCredentials, source.readyState], [URL_, false, EventSource.CONNECTING]);
  assert.equal(world.last.url.href, URL_, 'nothing is added to what is no hub');
  assert.equal(world.last.headers.get('Accept'), 'text/event-stream');
  assert.equal(world.last.headers.get('Cache-Control'), null);
  assert.equal(world.last.init.cache, 'no-store');
  assert.equal(world.last.init.credentials, 'same-origin');
  const stream = await world.last.open();
  assert.equal(source.readyState, source.OPEN);
  await stream.send(':\ndata: 1\n\nevent: x\nid: 7\ndata: 2\n\n');
  const events = [];
  source.addEventListener('x', (event) => events.push(event));
  source.onmessage = (event) => events.push(event);
  await stream.send('event: x\ndata: 3\n\ndata: 4\n\n');
  assert.deepEqual(events.map(({ type, data, lastEventId, origin }) => [type, data, lastEventId, origin]),
    [['x', '3', '7', 'http://server.test'], ['message', '4', '7', 'http://server.test']]);
  assert.ok(events[0] instanceof ServerEvent && events[0] instanceof MessageEvent);
  assert.equal(events[0].target, source);
  source.close();
  assert.equal(source.readyState, EventSource.CLOSED);
  await settled();
  assert.ok(world.last.aborted);
  assert.deepEqual(seen, ['open', '1', '4']);
  await world.pass(1e9);
  assert.equal(world.requests.length, 1);
});

test('what is fatal, and what is tried again', async () => {
  const html = ['text/html', '<h1>Hello</h1>'];
  const stream = ['text/event-stream', ''];
  for (const [status, [type, body], strict, lax] of [
    [200, html, 'content-type null', 'content-type null'],
    [200, [null, ''], 'content-type null', 'content-type null'],
    [200, ['text/event-streams', ''], 'content-type null', 'content-type null'],
    [200, ['Text/Event-Stream; charset=latin1', ''], 'open closed 1000', 'open closed 1000'],
    [200, stream, 'open closed 1000', 'open closed 1000'],
    [201, stream, 'refused 201 null', 'refused 201 null'],
    [204, [null, null], 'dismissed null', 'dismissed null'],
    [301, stream, 'refused 301 null', 'refused 301 null'],
    [400, html, 'refused 400 null', 'refused 400 null'],
    [401, html, 'refused 401 null', 'refused 401 null'],
    [404, html, 'refused 404 null', 'refused 404 null'],
    [429, html, 'refused 429 null', 'refused 429 1000'],
    [500, html, 'refused 500 null', 'refused 500 1000'],
    [503, html, 'refused 503 null', 'refused 503 1000'],
  ]) {
    for (const [Kind, want] of [[EventSource, strict], [Source, lax]]) {
      const world = new World();
      const { source, seen } = await world.source(URL_, {}, Kind);
      await world.last.reply(status, type, body);
      assert.equal(seen.join(' '), want, `${status} ${type} ${Kind.name}`);
      assert.equal(source.readyState, want.endsWith('null') ? 2 : 0);
      await world.pass(1_000);
      assert.equal(world.requests.length, want.endsWith('null') ? 1 : 2, `${status} ${type}`);
    }
  }
});

test('errors say status, reason and next try', async () => {
  const world = new World();
  const { source } = await world.source(URL_);
  const errors = [];
  source.onerror = (event) => errors.push(event);
  await world.last.reply(503, 'application/problem+json', '{"title":"Busy","detail":"come\\u001b back"}', { 'Retry-After': '7' });
  const [{ error, message, status, retryIn }] = errors;
  assert.deepEqual([error.kind, message, status, retryIn, error.retryAfter], ['refused', '503 Busy: come  back', 503, 7_000, 7_000]);
  await world.pass(6_999);
  assert.equal(world.requests.length, 1);
  await world.pass(1);
  assert.equal(world.requests.length, 2);
  world.last.fail(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9') }));
  await settled();
  assert.equal(errors[1].message, 'the connection broke: connect ECONNREFUSED 127.0.0.1:9');
});

test('a cut stream reconnects with the last event id, as its UTF-8 bytes', async () => {
  const world = new World();
  const { seen } = await world.source(URL_);
  let stream = await world.last.open();
  assert.equal(world.last.headers.has('Last-Event-ID'), false);
  await stream.send('id: é1\ndata: a\n\nid: never fini');
  await stream.break();
  await world.pass(1_000);
  assert.equal(world.last.headers.get('Last-Event-ID'), 'Ã©1');
  stream = await world.last.open();
  // An event without an id has the last one; a block without data sets it; retry counts from its line on.
  await stream.send('data: b\n\nid: 2\nretry: 5000\n\n');
  await stream.end();
  assert.deepEqual(seen, ['open', 'a', 'network 1000', 'open', 'b', 'closed 5000']);
  await world.pass(5_000);
  assert.equal(world.last.headers.get('Last-Event-ID'), '2');
  stream = await world.last.open();
  await stream.send('id\ndata: c\n\n');
  await stream.end();
  await world.pass(5_000);
  assert.equal(world.last.headers.has('Last-Event-ID'), false, 'an empty id resets');
});

test('a cursor is a field like any other, where no hub sent it', async () => {
  const world = new World();
  const { source, seen } = await world.source(URL_);
  const stream = await world.last.open();
  await stream.send('id: 1\ncursor: e-1\ndata: a\n\nid: 2\ncursor: e-1\ndata: b\n\ncursor: e-9\n\n');
  assert.deepEqual([seen, source.cursor], [['open', 'a', 'b'], '2']);
  await stream.end();
  await world.pass(1_000);
  assert.equal(world.last.headers.get('Last-Event-ID'), '2');
});

test('close within a listener is the end: no event of the same read follows', async () => {
  const world = new World();
  const { source, seen } = await world.source(URL_);
  const stream = await world.last.open();
  source.addEventListener('message', ({ data }) => data === '2' && source.close());
  await stream.send('data: 1\n\ndata: 2\n\ndata: 3\n\n');
  assert.deepEqual(seen, ['open', '1', '2']);
});

test('a listener that throws is reported, and harms nobody', async () => {
  const world = new World();
  const { source, seen } = await world.source(URL_);
  const stream = await world.last.open();
  const throws = () => {
    throw new Error('mine');
  };
  source.onmessage = throws;
  source.addEventListener('message', { handleEvent: throws });
  source.addEventListener('message', async () => throws());
  source.addEventListener('message', (event) => event.json());
  await stream.send('id: 9\ndata: {\n\ndata: 2\n\n');
  assert.deepEqual(seen, ['open', '{', '2']);
  assert.deepEqual(world.reported.slice(0, 4).map(({ name }) => name).sort(), ['Error', 'Error', 'Error', 'SyntaxError']);
  assert.match(world.reported.find(({ name }) => name === 'SyntaxError').message, /^event "9" is not JSON: /);
  source.onmessage = null;
  source.removeEventListener('message', throws);
});

test('listeners are removed, run once, and may be aborted, as with any EventTarget', async () => {
  const world = new World();
  const { source } = await world.source(URL_);
  const stream = await world.last.open();
  const calls = [];
  const off = new AbortController();
  const twice = () => calls.push('removed');
  source.addEventListener('message', twice);
  source.removeEventListener('message', twice);
  source.addEventListener('message', () => calls.push('once'), { once: true });
  source.addEventListener('message', () => calls.push('aborted'), { signal: off.signal });
  const same = () => calls.push('same');
  source.addEventListener('message', same);
  source.addEventListener('message', same);
  await stream.send('data: 1\n\n');
  off.abort();
  await stream.send('data: 2\n\n');
  assert.deepEqual(calls, ['once', 'aborted', 'same', 'same']);
});

test('a bad URL is refused at once, a relative one is the page\'s', async () => {
  const world = new World();
  assert.throws(() => new Source('http://[', {}, world.outside), { name: 'SyntaxError' });
  assert.throws(() => new Source('/events', {}, world.outside), { name: 'SyntaxError' });
  world.page = 'https://page.test';
  const { source } = await world.source('events', { withCredentials: true });
  assert.equal(source.url, 'https://page.test/events');
  assert.equal(world.last.init.credentials, 'include');
});

test('a server that sends endless lines is left, for good', async () => {
  const world = new World();
  const { seen, source } = await world.source(URL_, { limits: { line: 1_000 } });
  const stream = await world.last.open();
  await stream.send(`data: 1\n\ndata: ${'x'.repeat(1_000)}`);
  assert.deepEqual(seen, ['open', '1', 'limit null']);
  assert.equal(source.readyState, 2);
});

test('comments come on request', async () => {
  const world = new World();
  const { seen } = await world.source(URL_, { comments: true });
  const stream = await world.last.open();
  await stream.send(': hello\n:\n');
  assert.deepEqual(seen, ['open', ':hello', ':']);
});
