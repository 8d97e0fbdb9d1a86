import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delay } from '../lib/backoff.js';
import { HeadwaterError } from '../lib/errors.js';
import { State } from '../lib/state.js';

const POLICY = { strict: false, repeat: true, fallback: false, answer: 30_000, retry: 1_000 };
const HUB = { ...POLICY, fallback: true };
const MINUTE = { silence: 60_000 };
const cut = { error: new HeadwaterError('network', 'cut') };
const refused = (status, retryAfter) => ({ error: new HeadwaterError('refused', 'no', { status, retryAfter }) });

/** Each row: at this many milliseconds this happens, or is noted; what follows; and when `elapsed` is due next. */
function check(policy, rows) {
  const state = new State(policy);
  rows.forEach(([at, what, given, effects, until], index) => {
    const got = what === 'note' ? void Object.assign(state, given) : state.on(what, at, given);
    assert.equal(got ?? '', effects, `row ${index}: ${what} at ${at}`);
    if (until !== undefined) assert.equal(state.until, until, `row ${index}: ${what} at ${at}`);
  });
}

test('connects, listens and connects again', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect', 30_000],
    [10, 'head', MINUTE, 'open', 60_010],
    [20, 'heard', {}, '', 60_020],
    [20, 'note', { delivered: true }, '', 60_020],
    [500, 'failed', cut, 'error', 1_500],
    [900, 'elapsed', {}, '', 1_500], // a timer that fires early changes nothing
    [1_500, 'elapsed', {}, 'connect', 31_500],
  ]);
});

test('backs off until a stream works', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'failed', cut, 'error', 1_000],
    [1_000, 'elapsed', {}, 'connect'],
    [1_000, 'failed', cut, 'error', 3_000],
    [3_000, 'elapsed', {}, 'connect'],
    // Opening alone is no success: a server that dies at once would be hammered.
    [3_000, 'head', MINUTE, 'open'],
    [3_000, 'failed', cut, 'error', 7_000],
    [7_000, 'elapsed', {}, 'connect'],
    [7_000, 'head', MINUTE, 'open'],
    [7_000, 'note', { delivered: true }, ''],
    [7_000, 'failed', cut, 'error', 8_000],
    [8_000, 'elapsed', {}, 'connect'],
    [8_000, 'failed', cut, 'error', 10_000],
    [10_000, 'elapsed', {}, 'connect'],
    [10_000, 'head', MINUTE, 'open'],
    // A quiet stream that lasted works, too.
    [15_000, 'failed', cut, 'error', 16_000],
  ]);
});

test('retry is taken on, and retry 0 is no busy loop', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'head', MINUTE, 'open'],
    [0, 'note', { retry: 0 }, ''],
    [0, 'note', { delivered: true }, ''],
    [0, 'failed', cut, 'error', 100],
    [100, 'elapsed', {}, 'connect'],
    [100, 'failed', cut, 'error', 300],
  ]);
});

test('a silent server is taken for dead', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect', 30_000],
    [30_000, 'elapsed', {}, 'timeout'],
    [30_000, 'failed', cut, 'error', 31_000],
    [31_000, 'elapsed', {}, 'connect'],
    [31_000, 'head', { silence: 35_000 }, 'open', 66_000],
    [50_000, 'heard', {}, '', 85_000],
    [66_000, 'elapsed', {}, '', 85_000],
    [85_000, 'elapsed', {}, 'silence'],
    [85_000, 'failed', cut, 'error', 86_000],
  ]);
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'head', { silence: Infinity }, 'open', Infinity],
  ]);
});

test('who does not read cannot hear', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'head', MINUTE, 'open', 60_000],
    [10, 'note', { heardAt: Infinity }, '', Infinity],
    [500_000, 'elapsed', {}, ''],
    [500_000, 'heard', {}, '', 560_000],
    // Nor does it ask for another stream, which would bring more.
    [500_000, 'note', { heardAt: Infinity, renewAt: 510_000 }, '', Infinity],
    [600_000, 'elapsed', {}, ''],
    [600_000, 'nudge', {}, ''],
    [600_000, 'heard', {}, '', 600_000],
    [600_000, 'elapsed', {}, 'connect'],
  ]);
});

test('statuses', () => {
  for (const [status, retryAfter, kind, until] of [
    [503, 0, 'error', 1_000],
    [503, 9_000, 'error', 9_000],
    [429, 9_000, 'error', 9_000],
    [500, 0, 'error', 1_000],
    [401, 0, 'fail'],
    [403, 0, 'fail'],
    [404, 1_000, 'fail'],
    [201, 0, 'fail'],
    [301, 0, 'fail'],
  ]) {
    const rows = (effect, at) => [
      [0, 'wake', {}, 'connect'],
      [0, 'failed', refused(status, retryAfter), effect, at],
    ];
    check(POLICY, rows(kind, until));
    check({ ...POLICY, strict: true }, rows('fail'));
  }
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'failed', { error: new HeadwaterError('limit', 'no') }, 'fail', Infinity],
    [9, 'wake', {}, ''],
    [9, 'elapsed', {}, ''],
  ]);
});

test('what may not be repeated is not', () => {
  check({ ...POLICY, repeat: false }, [
    [0, 'wake', {}, 'connect'],
    [0, 'head', MINUTE, 'open'],
    [0, 'failed', cut, 'fail'],
  ]);
});

test('what may not be repeated goes on when another connection would be better, and ends when the page was put away', () => {
  check({ ...POLICY, repeat: false }, [
    [0, 'wake', {}, 'connect'],
    [0, 'failed', { ...refused(401), renew: true }, 'connect'],
    [0, 'head', MINUTE, 'open'],
    [0, 'note', { renewAt: 20_000 }, '', 20_000],
    [20_000, 'elapsed', {}, '', 60_000],
    [30_000, 'change', {}, ''],
    [40_000, 'nudge', {}, ''],
    [50_000, 'sleep', {}, 'cut'],
    [51_000, 'wake', {}, 'fail', Infinity],
  ]);
});

test('a 401 is answered with one fresh token, and not with a second', () => {
  const expired = { ...refused(401), renew: true };
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'failed', expired, 'connect'],
    [0, 'head', MINUTE, 'open'],
    [0, 'failed', cut, 'error', 1_000],
    [1_000, 'elapsed', {}, 'connect'],
    [1_000, 'failed', expired, 'connect'],
    [1_000, 'failed', expired, 'fail'],
  ]);
});

test('a token that ends is renewed before, and a changed wish is asked for at once', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'note', { renewAt: 20_000 }, ''],
    [0, 'head', MINUTE, 'open', 20_000],
    [20_000, 'elapsed', {}, 'connect', 50_000],
    [20_000, 'head', MINUTE, 'open', 80_000],
    [21_000, 'change', {}, 'connect'],
    [21_000, 'failed', cut, 'error'],
    // It goes out with the next attempt anyway.
    [21_001, 'change', {}, ''],
  ]);
});

test('who sleeps has no stream, and has one at once when awake', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'head', MINUTE, 'open'],
    [5, 'sleep', {}, 'cut', Infinity],
    [9_000_000, 'elapsed', {}, ''],
    [9_000_000, 'wake', {}, 'connect'],
    [9_000_000, 'wake', {}, ''],
  ]);
});

test('a nudge ends a wait, but not what Retry-After asks for, and doubts a stream that is late', () => {
  check(POLICY, [
    [0, 'wake', {}, 'connect'],
    [0, 'failed', cut, 'error', 1_000],
    [10, 'nudge', {}, 'connect'],
    [10, 'nudge', {}, ''],
    [10, 'failed', refused(503, 9_000), 'error', 9_010],
    [20, 'nudge', {}, '', 9_010],
    [9_010, 'elapsed', {}, 'connect'],
    [9_010, 'head', MINUTE, 'open', 69_010],
    [30_000, 'nudge', {}, ''],
    [39_010, 'nudge', {}, 'connect'],
  ]);
});

test('of a hub the first byte is waited for, and soon doubted', () => {
  check(HUB, [
    [0, 'wake', {}, 'connect', 3_000],
    [100, 'head', MINUTE, '', 3_000], // a proxy may pass the head on, and keep the rest
    [3_000, 'elapsed', {}, 'doubt', 30_000],
    [9_000, 'heard', {}, 'open', 69_000],
    [9_000, 'failed', cut, 'error'],
    [10_000, 'elapsed', {}, 'connect', 13_000],
    [13_000, 'elapsed', {}, 'doubt', 40_000],
    [40_000, 'elapsed', {}, 'timeout'],
  ]);
});

test('two streams in a row that fall silent are doubted, one is not', () => {
  const twice = [
    [0, 'wake', {}, 'connect'],
    [0, 'head', { silence: 35_000 }, ''],
    [0, 'heard', {}, 'open', 35_000],
    [35_000, 'elapsed', {}, 'silence'],
    [35_000, 'failed', cut, 'error', 36_000],
    [36_000, 'elapsed', {}, 'connect'],
    [36_000, 'head', { silence: 35_000 }, ''],
    [36_000, 'heard', {}, 'open', 71_000],
    [71_000, 'elapsed', {}, 'doubt', 86_000],
  ];
  check(HUB, [...twice, [86_000, 'elapsed', {}, 'silence'], [86_000, 'failed', cut, 'error', 87_000]]);
  check(HUB, [...twice, [80_000, 'heard', {}, '', 115_000], [115_000, 'elapsed', {}, 'doubt']]);
  // A cut between them is another matter.
  check(HUB, [
    ...twice.slice(0, 8),
    [42_000, 'failed', cut, 'error', 43_000],
    [43_000, 'elapsed', {}, 'connect'],
    [43_000, 'heard', {}, 'open', 78_000],
    [78_000, 'elapsed', {}, 'silence'],
  ]);
});

test('how long to wait', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map((n) => delay(1_000, n, 0, 0)), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  for (const [base, failures, atLeast, luck, want] of [
    [0, 0, 0, 0, 100],
    [0, 3, 0, 0, 800],
    [60_000, 9, 0, 0, 60_000], // a server that asks for more than the ceiling gets it
    [1_000, 0, 5_000, 0, 5_000],
    [1_000, 4, 5_000, 0, 16_000],
    [1_000, 0, 0, 0.5, 1_250], // jitter only adds
    [Infinity, 99, 0, 0, 3_600_000],
    [0, 0, 3_600_000, 0, 3_600_000],
  ]) assert.equal(delay(base, failures, atLeast, luck), want, `${base} ${failures} ${atLeast} ${luck}`);
});
