// The demo page in a real browser, against a real hub, over a wire that is cut.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { Hub, Wire } from './hub.js';

const ARGS = [
  '--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--no-first-run',
];
const run = promisify(execFile);

let browser;
let hub;
let wire;
let page;
let complaints;

before(async () => {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  [browser, hub] = await Promise.all([chromium.launch({ executablePath, args: ARGS }), Hub.start()]);
  wire = await Wire.to(hub.port);
});

after(async () => {
  await browser?.close();
  wire?.close();
  await hub?.stop();
});

beforeEach(async () => {
  wire.mend();
  page = await open({ viewport: { width: 1280, height: 800 } });
});

afterEach(async () => {
  await page.close();
});

async function open(options) {
  const opened = await browser.newPage(options);
  complaints = [];
  opened.setDefaultTimeout(20_000);
  opened.on('pageerror', (error) => complaints.push(error.message));
  opened.on('console', (message) => {
    // A cut wire is the test's own doing, and the browser says so.
    if (message.type() === 'error' && !/net::ERR_|EventSource's response/.test(message.text())) complaints.push(message.text());
  });
  await opened.goto(wire.url);
  return opened;
}

const state = (wanted) =>
  page.waitForFunction((name) => document.getElementById('state').dataset.state === name, wanted);
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

/** Runs a command line of the page in a shell, as a person would who pasted it. */
async function paste(id, edit = (command) => command) {
  await page.waitForFunction((name) => document.getElementById(name).textContent.startsWith('curl'), id);
  const command = edit(await page.textContent(`#${id}`));
  const { stdout } = await run('bash', ['-c', `${command} --silent --show-error --fail --max-time 10`]);
  return stdout;
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
    await page.waitForSelector(`#${chart} > svg path.series`, { state: 'attached' });
    assert.match(await page.getAttribute(`#${chart} > svg`, 'aria-label'), /now .*\d/);
  }
  assert.match(await page.textContent('#raw'), /^id: \S+\ndata: \{"run":/);
  assert.equal(await page.textContent('#state-words'), 'Live');
  assert.deepEqual(complaints, []);
});

test('a killed connection resumes without a missing or doubled point', async () => {
  await state('open');
  await morePoints(2);
  for (const round of [1, 2]) {
    const seen = await points();
    wire.cut();
    await state('reconnecting');
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
  await state('closed');
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

test('the command line of the page publishes to it, and markup stays text', async () => {
  const id = await paste('publish-command');
  await page.waitForFunction((wanted) => document.querySelector('#messages small')?.textContent === wanted, id);
  assert.equal(await page.textContent('#messages li'), `Hello from a terminal${id}`);

  const markup = '<img src=x onerror=alert(1)>';
  const second = await paste('publish-command', (command) => command.replace('Hello from a terminal', markup));
  await page.waitForFunction((wanted) => document.querySelector('#messages small')?.textContent === wanted, second);
  assert.equal(await page.textContent('#messages li'), markup + second);
  assert.equal(await page.locator('#messages img').count(), 0);
  assert.deepEqual(complaints, []);
});

test('the command line of the page subscribes to it', async () => {
  await state('open');
  await page.waitForFunction(() => document.getElementById('subscribe-command').textContent.startsWith('curl'));
  const command = await page.textContent('#subscribe-command');
  const { stdout } = await run('bash', ['-c', `${command} --silent --max-time 10 | grep --max-count=1 ^data:`]);
  assert.match(stdout, /^data: \{"run":/);
});

test('the form sends a message, which every open page shows', async () => {
  await page.waitForFunction(() => document.getElementById('publish-command').textContent.startsWith('curl'));
  const text = `from the form ${Math.random()}`;
  await page.fill('#send-text', text);
  await page.press('#send-text', 'Enter');
  await page.waitForFunction((wanted) => document.querySelector('#messages li')?.textContent.startsWith(wanted), text);
  assert.equal(await page.inputValue('#send-text'), '');
  assert.equal(await page.textContent('#send-problem'), '');
});

test('the page survives readings that are none', async () => {
  await state('open');
  await morePoints(1);
  const toSystem = (data) => (command) =>
    command.replace('topic=/demo/message', 'topic=/demo/system').replace('data=Hello from a terminal', `data=${data}`);
  let last;
  for (const data of ['not JSON', '{"seq":1}', 'null', '[]']) last = await paste('publish-command', toSystem(data));
  const count = (await points()).length;
  await page.waitForFunction((id) => document.getElementById('raw').textContent.includes(`id: ${id}\n`), last);
  await morePoints(count + 1);
  assertUnbroken(await points());
  assert.deepEqual(complaints, []);
});

test('the process stops and starts, and the page goes on', async () => {
  await state('open');
  await morePoints(2);
  const [{ run: first }] = await points();
  await hub.stop();
  await state('reconnecting');
  const config = page.waitForResponse((answer) => answer.url().endsWith('/demo/config.json'));
  await hub.start();
  await state('open');
  await page.waitForFunction((old) => window.__points.filter(({ run }) => run !== old).length >= 3, first);
  assertUnbroken(await points());
  await assertTallied();
  // The new run may have new keys: the command line that stands there works all the same.
  const { token } = await (await config).json();
  await page.waitForFunction((wanted) => document.getElementById('publish-command').textContent.includes(wanted), token);
  const id = await paste('publish-command');
  await page.waitForFunction((wanted) => document.querySelector('#messages small')?.textContent === wanted, id);
});

test('it fits a phone and a desk, by day and by night', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'headwater-page-'));
  await morePoints(3);
  for (const width of [390, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.close();
      page = await open({ viewport: { width, height: 844 }, colorScheme });
      await morePoints(3);
      await page.waitForFunction(() => document.getElementById('publish-command').textContent.startsWith('curl'));
      await page.waitForSelector('#network > svg path.series', { state: 'attached' });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `at ${width} pixels nothing stands out to the right, but ${overflow} do`);
      await page.screenshot({ path: path.join(folder, `${width}-${colorScheme}.png`), fullPage: true });
      assert.deepEqual(complaints, []);
    }
  }
  t.diagnostic(`screenshots are in ${folder}`);
});
