import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder } from '@headwater/client/decoder';
import { decode, misread } from './conform.js';
import { bytes, cases, cuts, joined, random } from './vectors.js';

for (const file of new Set(cases.map(({ file: name }) => name))) {
  test(`conformance/${file}, however the bytes are cut`, () => {
    for (const one of cases.filter(({ file: name }) => name === file)) assert.equal(misread(one), undefined);
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
