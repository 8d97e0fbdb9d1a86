import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError, Decoder } from '@headwater/client/decoder';
import { bytes, cases, cuts, joined, random, string } from './vectors.js';

/** What comes out of streams that arrive in these reads, in the words of the vectors. */
function decode(streams, limits) {
  const items = [];
  const handlers = {
    event: ({ type, data, lastEventId }) => items.push({ type, data, lastEventId }),
    retry: (retry) => items.push({ retry }),
    comment: (comment) => items.push({ comment }),
  };
  let error;
  let lastEventId = '';
  for (const reads of streams) {
    const decoder = new Decoder(handlers, { ...limits, lastEventId });
    error = undefined;
    for (const read of reads) {
      // Into a buffer that is used again, as some sources do: nothing may hold on to it.
      const buffer = read.slice();
      try {
        decoder.push(buffer);
        assert.equal(error, undefined, 'an error stays');
      } catch (thrown) {
        assert.ok(thrown instanceof DecodeError, thrown);
        error = thrown.limit;
      }
      buffer.fill(0x0a);
    }
    ({ lastEventId } = decoder);
  }
  return { items, lastEventId, error };
}

const wanted = ({ items, lastEventId = '', error }) => ({
  items: items.map((item) => ('data' in item
    ? { type: string(item.type ?? 'message'), data: string(item.data), lastEventId: string(item.lastEventId ?? '') }
    : 'comment' in item ? { comment: string(item.comment) } : item)),
  lastEventId: string(lastEventId),
  error,
});

for (const file of new Set(cases.map(({ file: name }) => name))) {
  test(`conformance/${file}, however the bytes are cut`, () => {
    for (const one of cases.filter(({ file: name }) => name === file)) {
      const want = wanted(one);
      const streams = (one.streams ?? [one.input]).map(bytes);
      if (streams.length === 1) {
        for (const reads of cuts(streams[0])) {
          const got = decode([reads], one.limits);
          assert.deepEqual(got, want, `${one.name}, in reads of ${reads.map(({ length }) => length).slice(0, 50)}`);
        }
      } else {
        // Cut alike: every way of the first with that of the others.
        const ways = streams.map((stream) => [...cuts(stream)]);
        const most = Math.max(...ways.map(({ length }) => length));
        for (let way = 0; way < most; way += 1) {
          assert.deepEqual(decode(ways.map((list) => list[way % list.length]), one.limits), want, one.name);
        }
      }
    }
  });
}

test('there are vectors', () => assert.ok(cases.length > 250, String(cases.length)));

test('the fields that hubs add, and marks, which dispatch nothing', () => {
  const seen = [];
  const decoder = new Decoder({
    event: (event) => seen.push(event),
    mark: (cursor) => seen.push([cursor, decoder.lastEventId]),
  });
  decoder.push(bytes('id: 1\ncursor: a-1\n\nid: x\ntopic: /a\ntopic: /b\nselector: *\ncursor: a-2\ndata: 1\n\ndata: 2\n\n'));
  assert.deepEqual(seen, [
    ['a-1', '1'],
    { type: 'message', data: '1', lastEventId: 'x', cursor: 'a-2', topics: ['/a', '/b'], selectors: ['*'] },
    { type: 'message', data: '2', lastEventId: 'x', cursor: undefined, topics: [], selectors: [] },
  ]);
});

test('endless topics of one event are stopped', () => {
  const decoder = new Decoder({}, { event: 1_000 });
  const line = bytes('topic: /a/topic\n');
  assert.throws(() => {
    for (let count = 0; count < 1_000; count += 1) decoder.push(line);
  }, { name: 'DecodeError', limit: 'event' });
});

test('any bytes, cut anywhere, are read as when they come in one piece', () => {
  const luck = random(7);
  const parts = ['data', 'data:', 'data: ', 'id:', 'event: ', 'retry: ', ':', '\n', '\n', '\r', '\r\n', '\n\n', ' ', 'x', '7', 'é', '€', '🌊']
    .map(bytes).concat([[0], [0x80], [0xc3], [0xe2], [0xe2, 0x82], [0xf0, 0x9f], [0xff], [0xef, 0xbb, 0xbf], [0xef, 0xbb]].map((list) => Uint8Array.from(list)));
  for (let round = 0; round < 300; round += 1) {
    const stream = joined(Array.from({ length: 40 }, () => parts[Math.floor(luck() * parts.length)]));
    const limits = round % 3 === 0 ? { line: 12, event: 10, id: 3 } : {};
    const whole = decode([[stream]], limits);
    for (const reads of cuts(stream)) {
      assert.deepEqual(decode([reads], limits), whole, `round ${round}: ${stream}, in reads of ${reads.map(({ length }) => length)}`);
    }
  }
});

test('what a cut character leaves behind is counted where it belongs', () => {
  // Two bytes of three, whose third does not come: one U+FFFD for them, at the beginning of the next read, which has as many
  // characters as bytes, since its own last byte waits in turn.
  const decoder = new Decoder({}, { event: 9 });
  decoder.push(Uint8Array.of(...bytes('data: '), 0xe2, 0x82));
  decoder.push(Uint8Array.of(...bytes('\ndata: 345678\n'), 0xe2));
  assert.throws(() => decoder.push(bytes('\ndata\n')), { limit: 'event' });
});
