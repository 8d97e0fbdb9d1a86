// The dashboard in a real browser, against a real hub, over a wire that is cut.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Hub, until, Wire } from './hub.js';
import { launch, open } from './pages.js';

let browser;
let hub;
let wire;
let page;
let complaints;

before(async () => {
  hub = await Hub.start();
  browser = await launch();
  wire = await Wire.to(hub.port);
});

after(async () => {
  await browser?.close();
  wire?.close();
  await hub?.stop();
});

beforeEach(async () => {
  wire.mend();
  await visit();
});

afterEach(() => page.context().close());

async function visit(options) {
  ({ page, complaints } = await open(browser, `${wire.url}/demo/dashboard/`, options));
}

const state = (wanted) => page.waitForSelector(`.state[data-state="${wanted}"]`);
const points = () => page.evaluate(() => window.__points.map(({ id, run, seq }) => ({ id, run, seq })));
const morePoints = (count) => page.waitForFunction((least) => window.__points.length >= least, count);

/** Within each run of the hub the readings count up by one: none is missing, none came twice. */
function assertUnbroken(list) {
  list.slice(1).forEach((point, index) => {
    const before = list[index];
    if (point.run === before.run) assert.equal(point.seq, before.seq + 1, `after ${before.id} comes ${point.id}`);
  });
  assert.equal(new Set(list.map(({ id }) => id)).size, list.length, 'every id once');
}

async function assertTallied() {
  await page.waitForFunction(
    () => document.getElementById('count').textContent === window.__points.length.toLocaleString('en'),
  );
  assert.equal(await page.textContent('#missing'), '0');
  assert.equal(await page.textContent('#doubled'), '0');
}

test('points arrive and are drawn, from the earliest that the hub holds', async () => {
  await state('open');
  await morePoints(3);
  const seen = await points();
  const held = await hub.events('/demo/system', seen.length);
  assert.deepEqual(seen.map(({ id }) => id), held.map(({ id }) => id));
  assertUnbroken(seen);
  await assertTallied();
  for (const chart of ['cpu', 'memory', 'load', 'network']) {
    await page.waitForSelector(`#${chart} canvas`);
    assert.match(await page.getAttribute(`#${chart} .plot`, 'aria-valuetext'), /^now: .*\d/);
  }
  await page.click('.how summary');
  await page.waitForFunction(() => /^id: \S+$/m.test(document.querySelector('.lines')?.textContent ?? ''));
  assert.match(await page.textContent('.request'), /^GET .*topic=\/demo\/system.*\nAccept: text\/event-stream\nLast-Event-ID: earliest$/);
  assert.equal(await page.textContent('.state'), 'Live');
  assert.deepEqual(complaints, []);
});

test('a killed connection resumes without a missing or doubled point', async () => {
  await state('open');
  await morePoints(2);
  for (const round of [1, 2]) {
    wire.cut();
    await state('reconnecting');
    const seen = await points();
    // What is published now, the page cannot see until it is back.
    await hub.events('/demo/system', seen.length + 2);
    assert.equal((await points()).length, seen.length);
    wire.mend();
    await state('open');
    await morePoints(seen.length + 4);
    assert.equal(await page.textContent('#reconnected'), String(round));
  }
  const seen = await points();
  const held = await hub.events('/demo/system', seen.length);
  assert.deepEqual(seen.map(({ id }) => id), held.map(({ id }) => id));
  assertUnbroken(seen);
  await assertTallied();
  assert.deepEqual(complaints, []);
});

test('a proxy that answers 502, on which EventSource gives up, only costs time', async () => {
  await state('open');
  await morePoints(2);
  wire.lose();
  await until(() => wire.refused >= 2, 20_000);
  wire.mend();
  await state('open');
  const seen = await points();
  await morePoints(seen.length + 3);
  const after = await points();
  const held = await hub.events('/demo/system', after.length);
  assert.deepEqual(after.map(({ id }) => id), held.map(({ id }) => id));
  assertUnbroken(after);
  await assertTallied();
});

test('the page survives readings that are none', async () => {
  await state('open');
  await morePoints(1);
  let last;
  for (const data of ['not JSON', '{"seq":1}', 'null', '[]']) last = await hub.publish('/demo/system', data);
  const count = (await points()).length;
  const offset = (id) => Number(id.split('-').at(-1));
  await until(async () => offset(await page.textContent('#last-id')) >= offset(last), 20_000);
  await morePoints(count + 1);
  assertUnbroken(await points());
  assert.deepEqual(complaints, []);
});

test('the process stops and starts, and the page goes on', async () => {
  await state('open');
  await morePoints(2);
  const { run: first } = (await points()).at(-1);
  await hub.stop();
  await state('reconnecting');
  await hub.start();
  await state('open');
  await page.waitForFunction((old) => window.__points.filter(({ run }) => run > old).length >= 3, first);
  assertUnbroken(await points());
  await assertTallied();
});

test('what goes beyond its threshold is marked, and said once', async () => {
  await morePoints(1);
  await page.evaluate(() => {
    window.__said = [];
    const said = document.getElementById('said');
    new MutationObserver(() => window.__said.push(said.textContent)).observe(said, { childList: true });
  });
  const aboutMemory = () => page.evaluate(() => window.__said.filter((text) => text.includes('Memory')));
  assert.equal(await page.getAttribute('#memory', 'data-beyond'), 'false');
  // Some memory is used on any machine.
  await page.fill('#memory input', '0');
  await page.waitForSelector('#memory[data-beyond="true"]');
  assert.equal(await page.locator('#memory .entry.beyond').count(), 1);
  assert.match(await page.textContent('#alerts'), /Memory, used: above 0 B since \d\d:\d\d:\d\d/);
  await morePoints((await points()).length + 3);
  assert.equal((await aboutMemory()).length, 1);
  await page.fill('#memory input', '100');
  await page.waitForSelector('#memory[data-beyond="false"]');
  // The machine may be busy, which is said as well.
  await page.waitForFunction(() => window.__said.some((text) => text.includes('Memory, used: back to normal.')));
  assert.equal((await aboutMemory()).length, 2);
  // None at all is one, too.
  await page.fill('#memory input', '');
  await page.waitForFunction(() => !document.getElementById('alerts').textContent.includes('Memory'));
  assert.deepEqual(complaints, []);
});

test('thresholds are there on the next visit, none at all included, and what is kept may be anything', async () => {
  await page.fill('#memory input', '0.5');
  await page.fill('#cpu input', '');
  await page.reload();
  assert.deepEqual([await page.inputValue('#memory input'), await page.inputValue('#cpu input'), await page.inputValue('#load input')], ['0.5', '', '1']);
  await page.waitForSelector('#memory[data-beyond="true"]');
  await page.evaluate(() => localStorage.setItem('headwater-demo-thresholds', '{"memory":{},"cpu":"many","load":null}'));
  await page.reload();
  assert.deepEqual([await page.inputValue('#memory input'), await page.inputValue('#cpu input'), await page.inputValue('#load input')], ['90', '', '1']);
  await morePoints(1);
  assert.deepEqual(complaints, []);
});

test('the keyboard moves one cursor through all charts', async () => {
  await morePoints(4);
  await page.waitForSelector('#network canvas');
  const shown = (id) => page.textContent(`#${id} .when`);
  await page.focus('#cpu .plot');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  const time = await shown('cpu');
  assert.match(time, /^\d\d:\d\d:\d\d$/);
  assert.equal(await shown('network'), time);
  assert.match(await page.getAttribute('#cpu .plot', 'aria-valuetext'), new RegExp(`^${time}: all cores [\\d.]+ %`));
  // The charts move on below it; what is read stays.
  await morePoints((await points()).length + 2);
  assert.equal(await shown('cpu'), time);
  await page.keyboard.press('Escape');
  assert.equal(await shown('cpu'), '');
  assert.equal(await shown('network'), '');
});

test('the charts are drawn in frames, each once at most, by day and by night in their own colours', async () => {
  await page.context().close();
  await visit({
    colorScheme: 'light',
    script: () => {
      let frame = 0;
      let inFrame = false;
      const { requestAnimationFrame: request } = window;
      window.requestAnimationFrame = (callback) => request((time) => {
        inFrame = true;
        callback(time);
        // uPlot draws in a microtask, which the callback has begun before.
        queueMicrotask(() => (inFrame = false));
      });
      const count = () => {
        frame += 1;
        request(count);
      };
      request(count);
      window.__draws = new Map();
      window.__inks = new Set();
      const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.clearRect = function (...area) {
        const frames = window.__draws.get(this.canvas) ?? [];
        frames.push(inFrame ? frame : `outside of one, after ${frame}`);
        window.__draws.set(this.canvas, frames);
        clearRect.apply(this, area);
      };
      CanvasRenderingContext2D.prototype.fillText = function (...text) {
        window.__inks.add(this.fillStyle);
        fillText.apply(this, text);
      };
    },
  });
  // Often enough to see two in one frame.
  await page.waitForFunction(() => window.__draws.size === 4 && [...window.__draws.values()].every(({ length }) => length >= 3));
  const draws = await page.evaluate(() => [...window.__draws.values()]);
  assert.equal(draws.length, 4);
  for (const frames of draws) {
    assert.ok(frames.every(Number.isInteger), `${frames}`);
    assert.equal(new Set(frames).size, frames.length, `twice in one: ${frames}`);
  }

  const ink = () => page.evaluate(() => [getComputedStyle(document.documentElement).getPropertyValue('--muted').trim(), [...window.__inks]]);
  const [day, inks] = await ink();
  assert.deepEqual(inks, [day]);
  // Nothing more arrives that would be a reason to draw, and what has arrived is drawn.
  wire.cut();
  await state('reconnecting');
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.__inks.clear();
    drawn();
  }))));
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction((old) => window.__inks.size > 0 && !window.__inks.has(old), day);
  const [night, after] = await ink();
  assert.deepEqual(after, [night]);
});

test('a chart is as wide as its card, whatever the window', async () => {
  await morePoints(2);
  for (const width of [1280, 700, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await page.waitForFunction(() => [...document.querySelectorAll('.plot')].every((plot) =>
      plot.querySelector('.uplot')?.getBoundingClientRect().width === Math.floor(plot.getBoundingClientRect().width)));
  }
});
