// Of a hub nothing is lost and nothing comes twice, whatever happens to the connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Source } from '@headwater/client';
import { settled, event, HUB, mark, World } from './world.js';

test('what is a hub is asked for cursors and gaps, and resumed by cursor', async () => {
  const world = new World();
  const { source, seen } = await world.source('http://hub.test', { topics: ['/a', '/b{?c}'], include: ['topic'] });
  assert.equal(world.last.url.href,
    'http://hub.test/.well-known/mercure?topic=%2Fa&topic=%2Fb%7B%3Fc%7D&include=cursor%2Cgap%2Ctopic');
  const stream = await world.last.open();
  assert.deepEqual(seen, [], 'a hub sends the first byte at once: before, it is not open');
  await stream.send(`:\n${mark(5)}`);
  assert.deepEqual([source.cursor, ...seen], ['#a-5', 'open', 'caughtup']);
  const cursors = [];
  source.onmessage = (one) => cursors.push([one.cursor, one.lastEventId, source.cursor, one.topics]);
  await stream.send(`topic: /a\n${event(6)}${event(7)}`);
  assert.deepEqual(cursors, [['#a-6', 'id-6', '#a-6', ['/a']], ['#a-7', 'id-7', '#a-7', []]]);
  await stream.break();
  await world.pass(1_000);
  assert.equal(world.last.cursor, '#a-7');
});

test('a cut before the first event loses nothing', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { topics: ['*'] });
  let stream = await world.last.open();
  await stream.send(`:\n${mark(41)}`);
  await stream.break();
  await world.pass(1_000);
  assert.equal(world.last.cursor, '#a-41');
  stream = await world.last.open({ 'Last-Event-ID': '#a-41' });
  await stream.send(`:\n${mark(41)}${event(42)}${mark(42)}`);
  assert.deepEqual(seen, ['open', 'caughtup', 'network 1000', 'open', '42', 'caughtup']);
});

test('a hub that gives its cursor first is not open before: what is published from then on is safe', async () => {
  const world = new World();
  for (const longPoll of [true, false]) {
    const { source, seen } = await world.source(HUB, { topics: ['*'], longPoll });
    let stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
    await stream.send(':\nid: #a-4');
    assert.deepEqual([source.readyState, ...seen], [0]);
    await stream.break();
    await world.pass(1_000);
    stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
    await stream.send(`:\n${mark(41)}${event(42)}`);
    assert.deepEqual(seen, ['network 1000', 'open', 'caughtup', '42']);
    source.close();
    const brief = await world.source(HUB, { topics: ['*'], longPoll });
    brief.source.addEventListener('open', () => brief.source.close());
    stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
    await stream.send(`:\n${mark(41)}${event(42)}`);
    assert.deepEqual(brief.seen, ['open'], 'nothing follows its end');
  }
});

test('a heartbeat within a replay moves on, and is not its end', async () => {
  const world = new World();
  const { source, seen } = await world.source(HUB, { topics: ['*'], cursor: '#a-1' });
  let stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
  await stream.send(mark(1) + event(2));
  await stream.send('id: #a-7\n\n');
  assert.deepEqual([source.cursor, ...seen], ['#a-7', 'open', '2']);
  await stream.break();
  await world.pass(1_000);
  assert.equal(world.last.cursor, '#a-7');
  stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
  await stream.send(mark(7) + event(8) + mark(8));
  assert.deepEqual(seen.slice(2), ['network 1000', 'open', '8', 'caughtup']);
});

test('nothing comes twice: not in a replay of all that is held, not of an older epoch', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { topics: ['*'] });
  let stream = await world.last.open();
  await stream.send(mark(8) + event(9) + event(10) + event(1, '1b', 'b'));
  await stream.break();
  await world.pass(1_000);
  stream = await world.last.open();
  await stream.send(mark(1, 'b') + event(7) + event(9) + event(10) + event(11) + event(1, '1b', 'b') + event(2, '2b', 'b'));
  assert.deepEqual(seen, ['open', 'caughtup', '9', '10', '1b', 'network 1000', 'open', '11', '2b']);
  // Offsets have up to 64 bits, and are compared as numbers.
  await stream.send(event('18446744073709551614') + event('18446744073709551615') + event('18446744073709551614', 'again'));
  assert.deepEqual(seen.slice(-2), ['18446744073709551614', '18446744073709551615']);
});

test('a gap is told once, in the stream or by the header, before what follows it', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { topics: ['*'], cursor: '#a-5' });
  // Headwater, which its heartbeat shows, tells it in the stream.
  let stream = await world.last.open({ 'Last-Event-ID': '#a-8', 'Headwater-Heartbeat': '15' });
  await stream.send(`${mark(8)}event: headwater:gap\nid: #a-8\ncursor: a-8\ndata: {"from":"#a-5","to":"#a-9"}\n\n${event(9)}`);
  assert.deepEqual(seen, ['open', 'gap #a-5 #a-9', '9']);
  await stream.break();
  await world.pass(1_000);
  stream = await world.last.open({ 'Last-Event-ID': 'earliest' });
  await stream.send(event(12));
  await stream.send(event(13));
  assert.deepEqual(seen.slice(3), ['network 1000', 'open', 'gap #a-9 null', '12', '13']);
  await stream.send('event: headwater:gap\ndata: not JSON\n\n');
  assert.deepEqual(seen.slice(-1), ['gap null null']);
});

test('a gap is told whatever the hub says about it', async () => {
  for (const data of ['0', 'null', '[]', '{', 'false', '""', '{"from":null}']) {
    const world = new World();
    const { seen } = await world.source(HUB, { topics: ['*'], cursor: '#a-1' });
    await (await world.last.open()).send(`:\nevent: headwater:gap\ncursor: a-5\ndata: ${data}\n\n${event(6)}`);
    assert.deepEqual(seen, ['open', 'gap null null', '6'], data);
  }
});

test('a gap that the header shows is not told again in the stream, nor before the source has moved on', async () => {
  const world = new World();
  const { source, seen } = await world.source(HUB, { topics: ['*'], cursor: '#a-5' });
  // A Headwater without heartbeats.
  let stream = await world.last.open({ 'Last-Event-ID': '#a-8' });
  assert.deepEqual(seen, [], 'who loads the page again at a gap would do so for ever');
  await stream.send(`:\n${mark(8)}`);
  await stream.send(`event: headwater:gap\nid: #a-8\ndata: {"from":"#a-5","to":"#a-9"}\n\n${event(9)}`);
  assert.deepEqual(seen, ['open', 'gap #a-5 #a-9', '9']);
  await stream.break();
  await world.pass(1_000);
  stream = await world.last.open({ 'Last-Event-ID': 'earliest' });
  source.addEventListener('gap', () => source.close());
  await stream.send(':\n');
  await stream.send(event(12));
  assert.deepEqual(seen.slice(3), ['network 1000', 'open', 'gap #a-9 null'], 'nothing follows its end');
});

test('a cursor in the URL is where it begins, under any of its names; an option goes before it', async () => {
  for (const [query, cursor, want] of [
    ['lastEventID=earliest', undefined, 'earliest'],
    ['lastEventID=1&lastEventId=2&lastEventId=3', undefined, '3'],
    ['last_event_id=&Last-Event-ID=4&lastEventID=5', undefined, '4'],
    ['lastEventID=earliest', '#a-5', '#a-5'],
  ]) {
    const world = new World();
    const { source, seen } = await world.source(`${HUB}?topic=a&${query}`, { cursor });
    assert.deepEqual([source.url, source.cursor, world.last.cursor], [`${HUB}?topic=a&${query}`, want, want]);
    assert.equal(world.last.url.search, '?topic=a&include=cursor%2Cgap');
    const stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
    await stream.send(mark(5) + event(6));
    assert.deepEqual(seen, ['open', '6'], 'that was not all');
    await stream.send(mark(6));
    assert.equal(seen.at(-1), 'caughtup');
    await stream.break();
    await world.pass(1_000);
    assert.deepEqual([world.last.cursor, world.last.url.search], ['#a-6', '?topic=a&include=cursor%2Cgap']);
  }
});

test('a header that says what was asked for is no gap, not beyond ASCII either', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { cursor: 'é' });
  assert.equal(world.last.cursor, 'Ã©');
  const stream = await world.last.open({ 'Last-Event-ID': 'Ã©' });
  await stream.send(event(1));
  assert.deepEqual(seen, ['open', '1']);
});

test('topics come and go with one reconnection, from the cursor', async () => {
  const world = new World();
  const { source, seen } = await world.source(`${HUB}?topic=/a`);
  const stream = await world.last.open();
  await stream.send(mark(1) + event(2));
  source.subscribe('/b');
  source.subscribe('/c', '/b');
  source.unsubscribe('/a');
  await settled();
  assert.ok(stream.aborted);
  assert.equal(world.requests.length, 2);
  assert.deepEqual([world.last.url.searchParams.getAll('topic'), source.topics], [['/b', '/c'], ['/b', '/c']]);
  assert.equal(world.last.cursor, '#a-2');
  source.subscribe('/b');
  await settled();
  assert.equal(world.requests.length, 2, 'nothing has changed');
  await (await world.last.open()).send(mark(2) + event(3));
  source.unsubscribe('/b', '/c');
  await settled();
  assert.ok(world.last.aborted);
  await world.pass(1e6);
  assert.equal(world.requests.length, 2, 'without topics there is nothing to ask for');
  source.subscribe('/d');
  await settled();
  assert.equal(world.last.cursor, '#a-3');
  assert.deepEqual(seen, ['open', 'caughtup', '2', 'open', '3']);
  const { source: other } = await world.source('http://server.test/events');
  assert.throws(() => other.subscribe('/a'), TypeError);
});

test('a change of topics within a listener loses nothing of the same read', async () => {
  const world = new World();
  const { source, seen } = await world.source(`${HUB}?topic=/a`);
  const stream = await world.last.open();
  source.addEventListener('message', () => source.subscribe('/b'), { once: true });
  await stream.send(mark(1) + event(2) + event(3));
  assert.equal(world.last.cursor, '#a-3');
  assert.deepEqual(seen.slice(-2), ['2', '3']);
});

test('silence is measured by the heartbeat that the hub promises', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { topics: ['*'], longPoll: false });
  let stream = await world.last.open({ 'Headwater-Heartbeat': '15' });
  await stream.send(`:\n${mark(1)}`);
  await world.pass(34_000);
  await stream.send(':\n');
  await world.pass(34_999);
  assert.deepEqual(seen, ['open', 'caughtup']);
  await world.pass(1);
  assert.deepEqual(seen, ['open', 'caughtup', 'silence 1000']);
  assert.ok(stream.aborted);
  await world.pass(1_000);
  stream = await world.last.open({ 'Headwater-Heartbeat': '0' });
  await stream.send(':\n');
  await world.pass(1e8);
  assert.equal(world.requests.length, 2, 'a hub without heartbeats is not watched');
});

test('a page that sleeps has no stream, and has it at once when it is back', async () => {
  const world = new World();
  const { source, seen } = await world.source(HUB, { topics: ['*'] });
  const stream = await world.last.open();
  await stream.send(mark(1));
  world.lifecycle('sleep');
  assert.equal(source.readyState, 0);
  assert.ok(stream.aborted);
  source.subscribe('/more');
  await world.pass(1e7);
  assert.equal(world.requests.length, 1);
  world.lifecycle('wake');
  await settled();
  assert.equal(world.last.cursor, '#a-1');
  world.last.fail();
  await settled();
  // Back-off ends when the network is back.
  world.lifecycle('nudge');
  await settled();
  assert.equal(world.requests.length, 3);
  assert.deepEqual(seen, ['open', 'caughtup', 'network 1000']);
  source.close();
  assert.equal(world.lifecycle, null);
});

test('a proxy that swallows streams: long polls, and the way back', async () => {
  const world = new World();
  const { source, seen } = await world.source(HUB, { topics: ['/a'], cursor: '#a-1' });
  const swallowed = world.last;
  await world.pass(3_000);
  assert.equal(world.requests.length, 2);
  assert.ok(world.last.isPoll);
  assert.equal(world.last.url.searchParams.get('timeout'), '0');
  assert.equal(world.last.cursor, '#a-1');
  const update = (n) => ({ id: `id-${n}`, cursor: `a-${n}`, data: String(n), topics: ['/a'] });
  await world.last.json({ lastEventID: '#a-3', more: false, updates: [update(2), update(3)] });
  assert.deepEqual(seen, [], 'the stream may still come');
  await world.pass(1_000);
  assert.ok(swallowed.aborted);
  assert.equal(world.last.url.searchParams.get('timeout'), '0', 'what there is, at once');
  await world.last.json({ lastEventID: '#a-3', more: false, updates: [update(2), update(3)] });
  assert.deepEqual(seen, ['open', '2', '3', 'caughtup']);
  assert.deepEqual([source.readyState, source.cursor], [1, '#a-3']);
  assert.deepEqual([world.last.url.searchParams.get('timeout'), world.last.cursor], ['25', '#a-3']);
  await world.pass(20_000);
  await world.last.json({ lastEventID: '#a-9', more: true, gap: { from: '#a-3', to: '#a-8' },
    updates: [update(3), { ...update(8), type: 'message', retry: 5_000 }] });
  assert.deepEqual(seen.slice(4), ['gap #a-3 #a-8', '8']);
  assert.equal(world.last.cursor, '#a-9');
  // Polls that fail back off, with the retry that was told.
  world.last.fail();
  await settled();
  assert.deepEqual(seen.slice(6), ['network 5000']);
  await world.pass(5_000);
  // Meanwhile each poll is answered with nothing.
  const before = world.requests.length;
  while (!world.requests.slice(before).some((request) => !request.isPoll)) {
    await world.pass(1_000);
    if (world.last.isPoll) await world.last.json({ lastEventID: '#a-9', more: false, updates: [] });
  }
  const [poll, stream] = world.requests.slice(-2);
  await stream.open({ 'Headwater-Heartbeat': '15' });
  await stream.send(`:\n${mark(9)}${event(10)}`);
  assert.ok(poll.aborted, 'the stream has taken over');
  assert.deepEqual(seen.slice(7), ['open', 'caughtup', '10']);
});

test('polls go on from the one that was tried beside the stream: nothing is lost between the two', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { topics: ['/a'] });
  await world.pass(3_000);
  assert.equal(world.last.cursor, null);
  await world.last.json({ lastEventID: '#a-3', more: false, updates: [] });
  await world.pass(1_000);
  assert.equal(world.last.cursor, '#a-3');
  await world.last.json({ lastEventID: '#a-4', more: false, updates: [{ id: '4', cursor: 'a-4', data: 'between' }] });
  assert.deepEqual(seen, ['open', 'between', 'caughtup']);
});

/** A hub whose streams are swallowed: the source polls, and this poll is answered with nothing when its time is over. */
async function polling() {
  const world = new World();
  const made = await world.source(HUB, { topics: ['/a'], cursor: '#a-1' });
  const nothing = { lastEventID: '#a-1', more: false, updates: [] };
  await world.pass(3_000);
  await world.last.json(nothing);
  await world.pass(1_000);
  await world.last.json(nothing);
  return { world, nothing, ...made };
}

test('polls that are answered at once with nothing are no busy loop', async () => {
  const { world, nothing } = await polling();
  const before = world.requests.length;
  await world.last.json(nothing);
  assert.equal(world.requests.length, before);
  await world.pass(1_000);
  assert.equal(world.requests.length, before + 1);
});

test('a poll that breaks off is tried again, sooner once one has brought something', async () => {
  const { world, nothing, seen } = await polling();
  const failed = async (wait) => {
    await world.last.reply(200, 'application/json', '{"lastEventID": "#a-');
    assert.equal(seen.at(-1), `network ${wait}`);
    await world.pass(wait);
  };
  await failed(1_000);
  await failed(2_000);
  await world.last.json({ ...nothing, lastEventID: '#a-2', updates: [{ id: '2', cursor: 'a-2', data: '2' }] });
  await failed(1_000);
});

test('a stream that is tried while polls fail takes over, and one more silence is doubted', async () => {
  const { world, nothing, source, seen } = await polling();
  while (world.last.isPoll) {
    await world.pass(1_000);
    if (world.last.isPoll && world.time < 295_000) await world.last.json(nothing);
    else if (world.last.isPoll && source.readyState === 1) await world.last.fail();
  }
  const stream = world.last;
  world.requests.findLast(({ isPoll }) => isPoll).fail();
  await settled();
  assert.equal(source.readyState, 0);
  await stream.open({ 'Headwater-Heartbeat': '15' });
  await stream.send(mark(1));
  assert.equal(source.readyState, 1);
  await world.pass(34_000);
  assert.equal(world.last, stream, 'no other request is made');
  await world.pass(1_000);
  assert.ok(world.last.isPoll);
  assert.equal(seen.filter((text) => text.startsWith('silence')).length, 0);
});

/** The stream that is tried beside the polls, of which each is answered with nothing. Not later than in so many milliseconds. */
async function trial({ world, nothing }, within) {
  const before = world.requests.length;
  const end = world.time + within;
  for (;;) {
    const stream = world.requests.slice(before).find(({ isPoll }) => !isPoll);
    if (stream) return stream;
    assert.ok(world.time < end, 'no stream is tried');
    await world.pass(1_000);
    if (world.last.isPoll) await world.last.json(nothing);
  }
}

test('a page that sleeps now and then while it polls waits no longer for a stream than one that does not', async () => {
  const run = await polling();
  const { world, nothing } = run;
  for (let count = 0; count < 3; count += 1) {
    world.lifecycle('sleep');
    await world.pass(60_000);
    world.lifecycle('wake');
    await settled();
    await world.last.json(nothing);
    await world.pass(10_000);
  }
  await trial(run, 300_000);
});

test('a stream that was tried for other topics does not take over', async () => {
  const run = await polling();
  const { world, source } = run;
  const stream = await trial(run, 300_000);
  source.subscribe('/b');
  await settled();
  assert.ok(stream.aborted);
  assert.deepEqual(world.last.url.searchParams.getAll('topic'), ['/a', '/b']);
  assert.ok(!world.last.aborted);
});

test('a poll beside a stream that comes after all is dropped, with what it brought', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { topics: ['/a'], cursor: '#a-1' });
  const stream = world.last;
  await world.pass(3_000);
  const poll = world.last;
  await poll.json({ lastEventID: '#a-2', more: false, updates: [{ id: 'id-2', cursor: 'a-2', data: '2', topics: [] }] });
  await stream.open();
  await stream.send(mark(1) + event(2));
  await world.pass(10_000);
  assert.deepEqual(seen, ['open', '2']);
  assert.equal(world.requests.length, 2);
});

test('of a poll that the hub does not have nothing is left when the source is closed', async () => {
  const world = new World();
  const { source } = await world.source(HUB, { topics: ['/a'] });
  await world.last.open();
  await world.pass(3_000);
  await world.last.reply(404);
  assert.equal(source.readyState, 1);
  source.close();
  assert.equal(world.waiting, 0);
});

test('who ends or sleeps just when a stream is doubted asks for no poll any more', async () => {
  for (const end of ['close', 'sleep']) {
    const world = new World();
    const { outside } = world;
    let then = () => {};
    const setTimer = (run, after) => outside.setTimer(() => {
      run();
      // The polls are still to be loaded.
      then();
    }, after);
    const source = new Source(HUB, { topics: ['/a'] }, { ...outside, setTimer });
    await settled();
    then = () => (end === 'close' ? source.close() : world.lifecycle('sleep'));
    await world.pass(3_000);
    assert.deepEqual([world.requests.length, world.waiting], [1, 0], end);
  }
});

test('a hub without long polls, and one that answers neither, keep their streams', async () => {
  const world = new World();
  const { seen } = await world.source(HUB, { topics: ['/a'] });
  const stream = await world.last.open();
  await world.pass(3_000);
  const probe = await world.last.open();
  assert.deepEqual(seen, ['open'], 'it streams whatever is accepted: the head is all that it sends at first');
  assert.ok(probe.aborted || world.requests.length === 2);
  await stream.send('data: 1\n\n');
  assert.deepEqual(seen, ['open', '1']);

  const slow = new World();
  const other = await slow.source(HUB, { topics: ['/a'] });
  await slow.pass(20_000);
  await slow.requests[0].open();
  await slow.requests[0].send(':\n');
  assert.deepEqual(other.seen, ['open']);
  await slow.pass(1_000);
  assert.ok(slow.requests.filter(({ isPoll }) => isPoll).every(({ aborted }) => aborted));

  const nonsense = new World();
  const third = await nonsense.source(HUB, { topics: ['/a'] });
  await nonsense.pass(3_000);
  await nonsense.last.json({ hello: 'world' });
  await nonsense.pass(26_999);
  assert.deepEqual(third.seen, []);
  await nonsense.pass(1);
  assert.deepEqual(third.seen, ['timeout 1000']);
});
