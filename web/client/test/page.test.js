// What a page goes through, as the browser tells it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watch } from '../lib/page.js';

/** A page for as long as this runs: its window, its document, its clocks, and what was told of them. */
function asPage(run) {
  const [window, document] = [new EventTarget(), new EventTarget()];
  const clocks = { steady: 0, wall: 1e12 };
  const said = [];
  const is = (value) => ({ value, configurable: true, writable: true });
  const before = Object.getOwnPropertyDescriptors(globalThis);
  const globals = { document, addEventListener: window.addEventListener.bind(window), performance: { now: () => clocks.steady },
    Date: { now: () => clocks.wall } };
  const over = new AbortController();
  const fire = (target, type, more) => target.dispatchEvent(Object.assign(new Event(type), more));
  try {
    for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, is(value));
    watch((what) => said.push(what), over.signal);
    run({ window, document, clocks, said, over, fire });
  } finally {
    for (const name of Object.keys(globals)) {
      if (before[name]) Object.defineProperty(globalThis, name, before[name]);
      else delete globalThis[name];
    }
  }
}

test('what is told of a page', () => asPage(({ window, document, said, over, fire }) => {
  const told = (target, type, more) => {
    said.length = 0;
    fire(target, type, more);
    return said.join();
  };
  assert.equal(told(window, 'online'), 'nudge');
  document.hidden = true;
  assert.equal(told(document, 'visibilitychange'), '');
  document.hidden = false;
  assert.equal(told(document, 'visibilitychange'), 'nudge');
  assert.equal(told(document, 'freeze'), 'sleep');
  assert.equal(told(document, 'resume'), 'wake');
  assert.equal(told(window, 'pagehide'), 'sleep');
  assert.equal(told(window, 'pageshow', { persisted: false }), '');
  assert.equal(told(window, 'pageshow', { persisted: true }), 'wake');
  over.abort();
  assert.equal(told(window, 'online'), '');
}));

test('a machine that slept has a dead stream', () => asPage(({ window, clocks, said, fire }) => {
  clocks.wall += 600_000;
  fire(window, 'online');
  fire(window, 'online');
  assert.deepEqual(said, ['change', 'nudge', 'nudge']);
}));

test('a clock that jumps: back is nothing, forward is a sleep', () => asPage(({ window, clocks, said, fire }) => {
  const tick = (by, wallBy = by) => {
    clocks.steady += by;
    clocks.wall += wallBy;
    said.length = 0;
    fire(window, 'online');
    return said.includes('change');
  };
  assert.equal(tick(100), false);
  assert.equal(tick(100, 99), false);
  assert.equal(tick(100, -3_600_000), false);
  assert.equal(tick(100), false);
  assert.equal(tick(100, 3_600_100), true);
  assert.equal(tick(100), false);
  assert.equal(tick(0, 50_000), true, 'a machine that slept');
  for (let count = 0; count < 1_000; count += 1) assert.equal(tick(0.4, count % 5 < 2 ? 1 : 0), false, 'coarse clocks do not add up');
  for (let hour = 0; hour < 24; hour += 1) assert.equal(tick(3_600_000, 3_600_360), false, 'nor do those that drift apart');
}));
