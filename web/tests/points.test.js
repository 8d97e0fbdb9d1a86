import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columns } from '../demo/dashboard/columns.js';
import { average, bytes, percent, rate, roundRate, ticks } from '../demo/dashboard/format.js';
import { Watch } from '../demo/dashboard/watch.js';
import { lastEvents } from '../demo/shared/how.js';
import { parse, Points } from '../demo/shared/points.js';
import { publishCommand, quoted } from '../demo/start/commands.js';

const reading = (run, seq) => ({
  run, seq, time: seq * 1_000, cpu: { total: 1, cores: [1] }, memory: { used: 1, total: 2 }, load: [0, 0, 0],
  network: { received: 0, sent: 0 },
});

test('a missing point and a doubled one are told apart', () => {
  const points = new Points();
  assert.equal(points.add('a-1', reading(1, 5)), true);
  assert.equal(points.add('a-2', reading(1, 6)), true);
  assert.equal(points.add('a-2', reading(1, 6)), false);
  assert.equal(points.add('a-5', reading(1, 9)), true);
  assert.deepEqual([points.count, points.missing, points.doubled], [4, 2, 1]);
});

test('a restarted process counts from the beginning, and misses nothing', () => {
  const points = new Points();
  points.add('a-9', reading(1, 9));
  points.add('b-1', reading(2, 1));
  points.add('b-2', reading(2, 2));
  assert.deepEqual([points.missing, points.doubled], [0, 0]);
});

test('what is kept is bounded, what is counted is not', () => {
  const points = new Points();
  for (let seq = 1; seq <= 2_500; seq += 1) points.add(`a-${seq}`, reading(1, seq));
  assert.equal(points.all.length, 1_000);
  assert.equal(points.count, 2_500);
  assert.equal(points.missing, 0);
  assert.deepEqual(points.window(2_000).map(({ seq }) => seq), [2_498, 2_499, 2_500]);
});

test('a text that is no reading is null', () => {
  assert.deepEqual(parse(JSON.stringify(reading(1, 1))), reading(1, 1));
  const bad = [
    '', 'null', '[]', '7', '{', '{}', JSON.stringify({ ...reading(1, 1), load: [1, 2] }),
    JSON.stringify({ ...reading(1, 1), cpu: { total: '1', cores: [] } }),
    JSON.stringify({ ...reading(1, 1), time: null }),
  ];
  for (const text of bad) assert.equal(parse(text), null, text);
});

test('axes end on round numbers that hold the largest value', () => {
  assert.deepEqual(ticks(1), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(ticks(100), [0, 25, 50, 75, 100]);
  assert.deepEqual(ticks(3 * 1024, 1024), [0, 1024, 2048, 3072]);
  for (const max of [0.013, 0.9, 1.01, 7, 99, 101, 12_345]) {
    const axis = ticks(max);
    assert.ok(axis.at(-1) >= max && axis.length <= 6, `${max}: ${axis}`);
  }
});

test('numbers read well', () => {
  assert.deepEqual([average(0.5), average(13.79)], ['0.50', '13.8']);
  assert.deepEqual([percent(3.14), percent(42.4)], ['3.1 %', '42 %']);
  assert.deepEqual([bytes(0), bytes(1536), bytes(23.5 * 1024 ** 3)], ['0 B', '1.50 KiB', '23.5 GiB']);
  assert.deepEqual([rate(999), rate(12_300), rate(4_560_000)], ['999 B/s', '12.3 kB/s', '4.56 MB/s']);
  assert.deepEqual([roundRate(0), roundRate(1_000), roundRate(2_500_000)], ['0 B/s', '1 kB/s', '2.5 MB/s']);
});

test('a shell takes what is quoted as it stands', () => {
  assert.equal(quoted('a b'), `'a b'`);
  assert.equal(quoted(`it's`), String.raw`'it'\''s'`);
});

test('a command line publishes what is given, quotes and all', () => {
  const command = publishCommand(new URL('http://127.0.0.1:3000/.well-known/mercure'), '/demo/message', 'a.b.c', `it's`);
  assert.ok(command.includes(String.raw`--data-urlencode 'data=it'\''s'`), command);
});

test('where nothing was measured, the columns have a hole', () => {
  const at = (...seconds) => seconds.map((seq) => ({ id: `a-${seq}`, ...reading(1, seq) }));
  const seq = (point) => point.seq;
  assert.deepEqual(columns(at(1, 2, 3), [seq, () => 7]), [[1_000, 2_000, 3_000], [1, 2, 3], [7, 7, 7]]);
  assert.deepEqual(columns(at(1, 2, 6, 7), [seq]), [[1_000, 2_000, 2_001, 6_000, 7_000], [1, 2, null, 6, 7]]);
  // One that came twice, and a clock that was set back: the times rise all the same, up to the newest.
  assert.deepEqual(columns(at(1, 2, 2, 3), [seq])[0], [1_000, 2_000, 3_000]);
  assert.deepEqual(columns(at(1, 8, 9, 2, 3), [seq])[0], [1_000, 2_000, 3_000]);
  assert.deepEqual(columns([], [seq]), [[], []]);
});

test('what is beyond its threshold is told once, and what dances about it is not told each time', () => {
  const watch = new Watch();
  const look = (value, seconds, threshold = 90) => {
    watch.look('cpu', value, threshold, seconds * 1_000);
    return watch.news();
  };
  const nothing = { beyond: [], back: [] };
  assert.deepEqual(look(90, 1), nothing);
  assert.deepEqual(look(91, 2), { beyond: ['cpu'], back: [] });
  assert.equal(watch.since('cpu'), 2_000);
  for (const [value, second] of [[95, 3], [10, 4], [95, 12], [10, 13], [10, 21]]) assert.deepEqual(look(value, second), nothing);
  assert.deepEqual(look(10, 22), { beyond: [], back: ['cpu'] });
  assert.equal(watch.since('cpu'), undefined);
  // No threshold any more, or another one: at once.
  look(95, 23);
  assert.deepEqual(look(95, 24, null), { beyond: [], back: ['cpu'] });
  look(95, 25);
  watch.forget('cpu');
  assert.deepEqual(watch.news(), { beyond: [], back: ['cpu'] });
  // History that was over before anyone asked.
  watch.look('cpu', 95, 90, 30_000);
  watch.look('cpu', 10, 90, 40_000);
  assert.deepEqual(watch.news(), nothing);
});

test('the last lines of an answer begin with an event', () => {
  const event = (id) => `id: ${id}\ndata: x`;
  const all = [1, 2, 3, 4, 5, 6, 7].map(event);
  assert.equal(lastEvents(`${all.join('\n\n')}\n\n`), all.slice(3).join('\n\n'));
  assert.equal(lastEvents(`${all.join('\n\n')}\n\nid:`), [...all.slice(3), 'id:'].join('\n\n'));
  assert.equal(lastEvents(':\n\nid: 1'), ':\n\nid: 1');
  const long = `id: 9\n${'data: x\n'.repeat(20)}`;
  assert.equal(lastEvents(`${event(8)}\n\n${long}\n`), long.trimEnd());
  assert.equal(lastEvents(''), '');
});
