// Over real sockets, against a small hub.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { EventSource, Source } from '@headwater/client';
import { publish } from '@headwater/client/publish';
import { environment } from '../lib/environment.js';
import { Server } from './server.js';
import { random } from './vectors.js';

/** @type {Server} */
let hub;
before(async () => (hub = await Server.start()));
after(() => hub.stop());

const next = (source, type) => once(source, type).then(([event]) => event);

test('a thousand events under cuts at random points: none lost, none doubled, from the moment of opening', async () => {
  const luck = random(11);
  const source = new Source(hub.url, { topics: ['/load'], retry: 0 });
  const got = [];
  source.addEventListener('message', ({ data }) => got.push(Number(data)));
  let cuts = 0;
  source.addEventListener('error', () => (cuts += 1));
  await next(source, 'open');
  // Cut before the first event, too.
  hub.cut();
  for (let n = 0; n < 1_000; n += 1) {
    hub.publish('/load', String(n), n % 3 === 0 ? `chosen-${n}` : undefined);
    if (luck() < 0.02) hub.cut();
    if (luck() < 0.05) await new Promise(setImmediate);
    if (luck() < 0.01) {
      hub.cut();
      await next(source, 'open');
    }
  }
  while (got.at(-1) !== 999) await next(source, 'message');
  source.close();
  assert.deepEqual(got, Array.from({ length: 1_000 }, (_, n) => n));
  assert.ok(cuts > 5, `${cuts} cuts`);
});

test('topics added under load lose and double nothing, and events say where they belong', async () => {
  const source = new Source(hub.url, { topics: ['/t0'], include: ['topic', 'selector'] });
  const got = [];
  source.addEventListener('message', (event) => got.push(event));
  await next(source, 'open');
  for (let n = 0; n < 200; n += 1) {
    hub.publish(`/t${n % 3}`, String(n));
    if (n === 60) source.subscribe('/t1');
    if (n === 120) source.subscribe('*');
    if (n === 160) source.unsubscribe('/t0', '/t1');
    if (n % 10 === 0) await new Promise(setImmediate);
  }
  while (got.at(-1)?.data !== '199') await next(source, 'message');
  source.close();
  const numbers = got.map(({ data }) => Number(data));
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
  const of = (topic) => numbers.filter((n) => n % 3 === topic);
  assert.equal(of(0).length, 67);
  assert.ok(of(1).length >= 46 && of(2).length >= 26, String(numbers));
  for (const { data, topics, selectors } of got) assert.deepEqual([topics, selectors.length > 0], [[`/t${data % 3}`], true]);
});

test('a lost answer to a publish is published once', async () => {
  const source = new Source(hub.url, { topics: ['/once'] });
  const events = [];
  source.onmessage = (event) => events.push(event);
  await next(source, 'open');
  let lost = 0;
  hub.intercept = async (request, response) => {
    if (request.method !== 'POST' || lost > 0) return false;
    lost += 1;
    // It is published, and then the answer is lost.
    response.end = () => request.socket.resetAndDestroy();
    return false;
  };
  const id = await publish(hub.url, { topic: '/once', data: { paid: true }, token: 'T' });
  hub.intercept = () => false;
  hub.publish('/once', 'after');
  while (events.at(-1)?.data !== 'after') await next(source, 'message');
  source.close();
  assert.equal(lost, 1);
  assert.deepEqual([events.length, events[0].json(), events[0].lastEventId], [2, { paid: true }, id]);
});

test('a stream that a proxy swallows is polled', async () => {
  // Time is quick here: a second passes in ten milliseconds.
  const outside = environment();
  const now = outside.now;
  const quick = { ...outside, now: () => now() * 100, setTimer: (run, delay) => setTimeout(run, delay / 100) };
  hub.intercept = (request) => request.headers.accept === 'text/event-stream';
  const source = new Source(hub.url, { topics: ['/polled'] }, quick);
  await next(source, 'open');
  hub.intercept = () => false;
  const got = [];
  for (let n = 0; n < 250; n += 1) hub.publish('/polled', String(n));
  for await (const { data } of source) {
    got.push(Number(data));
    if (data === '249') break;
  }
  assert.deepEqual(got, Array.from({ length: 250 }, (_, n) => n));
});

test('credentials do not follow a redirect to another origin', async () => {
  const seen = [];
  const other = http.createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: here\n\n');
  }).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address();
  hub.intercept = (request, response) => response.writeHead(301, { Location: `http://127.0.0.1:${port}/` }).end();
  const plain = new EventSource(hub.url, { token: 'secret', repeat: false });
  const event = await next(plain, 'message');
  assert.deepEqual([event.data, event.origin], ['here', `http://127.0.0.1:${port}`]);
  assert.equal(seen[0].authorization, undefined);
  const custom = new EventSource(hub.url, { headers: { 'X-Api-Key': 'secret' }, repeat: false });
  assert.equal((await next(custom, 'error')).error.kind, 'network');
  assert.equal(seen.length, 1);
  hub.intercept = () => false;
  other.close();
});

test('a listener that throws, or rejects, does not end a Node process', () => {
  const program = `
    import { EventSource } from ${JSON.stringify(new URL('../index.js', import.meta.url).href)};
    const fetch = async () => new Response('data: 1\\n\\ndata: 2\\n\\n', { headers: { 'Content-Type': 'text/event-stream' } });
    const source = new EventSource('http://server.test/', { fetch, repeat: false });
    source.onmessage = () => { throw new Error('thrown'); };
    source.addEventListener('message', async () => { throw new Error('rejected'); });
    source.addEventListener('message', ({ data }) => console.log(data));
  `;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '1\n2\n');
  assert.match(stderr, /thrown[^]*rejected/);
});

