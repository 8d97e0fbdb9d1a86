// The front page in a real browser: its connection as it is shown, cut and resumed; and what is published to it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { Hub } from './hub.js';
import { launch, open } from './pages.js';

const run = promisify(execFile);

let browser;
let hub;
let page;
let complaints;

before(async () => {
  hub = await Hub.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hub?.stop();
});

beforeEach(async () => {
  ({ page, complaints } = await open(browser, `${hub.url}/`));
});

afterEach(() => page.context().close());

const state = (wanted) => page.waitForSelector(`.state[data-state="${wanted}"]`);
const morePoints = (count) => page.waitForFunction((least) => window.__points.length >= least, count);
const message = (id) => page.waitForFunction((wanted) => document.querySelector('#messages small')?.textContent === wanted, id);
const command = (id) => page.waitForFunction((name) => document.getElementById(name).textContent.startsWith('curl'), id);

/** Runs a command line of the page in a shell, as a person would who pasted it. */
async function paste(id, more) {
  await command(id);
  const { stdout } = await run('bash', ['-c', `${await page.textContent(`#${id}`)} --silent --show-error ${more}`]);
  return stdout;
}

test('the request, the answer and the raw lines are the real ones', async () => {
  await morePoints(2);
  assert.equal(await page.textContent('#request'),
    'GET /.well-known/mercure?topic=/demo/system&topic=/demo/message&include=cursor,gap,topic\nAccept: text/event-stream');
  assert.match(await page.textContent('#answer'), /^200\nContent-Type: text\/event-stream\nHeadwater-Heartbeat: \d+$/);
  const { id, seq } = await page.evaluate(() => window.__points.at(-1));
  const held = (await hub.events('/demo/system', seq)).at(-1);
  assert.equal(held.id, id);
  const raw = await page.textContent('#raw');
  assert.match(raw, /^:\n/);
  assert.ok(raw.includes(`\nid: ${id}\ncursor: ${id.slice(1)}\ntopic: /demo/system\ndata: ${held.data}\n\n`), raw);
  assert.deepEqual(complaints, []);
});

test('a cut is resumed from the last event, and what came meanwhile is there', async () => {
  await morePoints(2);
  // The next request waits until all has been looked at.
  let goOn;
  const looked = new Promise((resolve) => (goOn = resolve));
  await page.route('**/.well-known/mercure?*', (route) => looked.then(() => route.continue()));
  // With the keyboard, whose place stays the button.
  await page.focus('#cut');
  await page.keyboard.press('Enter');
  await state('reconnecting');
  assert.match(await page.textContent('#fate'), /^Cut\. The next request goes out in \d s\.$/);
  const { id, seq } = await page.evaluate(() => window.__points.at(-1));
  await page.keyboard.press('Enter');
  goOn();
  const held = await hub.events('/demo/system', 1, id);
  await state('open');
  await page.waitForFunction(() => document.getElementById('fate').textContent.startsWith('Back'));
  assert.match(await page.textContent('#resumed'), new RegExp(`^GET .*\nAccept: text/event-stream\nLast-Event-ID: ${id}$`));
  assert.equal(await page.textContent('#resumed mark'), `Last-Event-ID: ${id}`);
  const [, came] = /^Back, with (\d+) that came meanwhile: 0 missing, 0 doubled\.$/.exec(await page.textContent('#fate'));
  assert.ok(Number(came) >= 1, 'what had been published by then has come');
  const after = await page.evaluate((last) => window.__points.filter((point) => point.seq > last), seq);
  assert.equal(after[0].id, held[0].id);
  assert.deepEqual(after.map((point) => point.seq), after.map((_, index) => seq + 1 + index));
  assert.equal(await page.locator('#timeline .late').count(), Number(came));
  assert.equal(await page.locator('#timeline .bar').count(), 2);
  await page.waitForFunction((wanted) => document.getElementById('replayed').textContent === wanted, came);
  assert.deepEqual(await page.locator('#reconnected, #missing, #doubled').allTextContents(), ['1', '0', '0']);
  assert.match(await page.textContent('#raw'), new RegExp(`— the connection broke: .* —\n— the next request went on from ${id} —\n:\n`));
  assert.equal(await page.evaluate(() => document.activeElement.id), 'cut');
  assert.deepEqual(complaints, []);
});

test('the command line of the page publishes to it', async () => {
  await state('open');
  const id = await paste('publish-command', '--fail --max-time 10');
  await message(id);
  assert.equal(await page.textContent('#messages li'), `Hello from a terminal${id}`);
  assert.match(await page.textContent('#raw'), /\ntopic: \/demo\/message\ndata: Hello from a terminal\n/);
  assert.deepEqual(complaints, []);
});

test('the command line says what the form would, and markup stays text', async () => {
  await state('open');
  await command('publish-command');
  const text = `<img src=x onerror=alert(1)> it's "quoted" & \\more`;
  await page.fill('#send-text', text);
  await page.waitForFunction(() => document.getElementById('publish-command').textContent.includes('onerror'));
  const id = await paste('publish-command', '--fail --max-time 10');
  await message(id);
  assert.equal(await page.textContent('#messages li'), text + id);
  await page.press('#send-text', 'Enter');
  await page.waitForFunction(() => document.querySelectorAll('#messages li').length === 2);
  assert.ok((await page.textContent('#messages li')).startsWith(text));
  // The answer may come later than the message.
  await page.waitForFunction(() => document.getElementById('send-text').value === '');
  assert.equal(await page.textContent('#send-problem'), '');
  assert.equal(await page.locator('#messages img').count(), 0);
  assert.deepEqual(complaints, []);
});

test('the command line of the page subscribes', async () => {
  await state('open');
  await command('publish-command');
  const heard = paste('subscribe-command', '--max-time 20 | grep --max-count=1 ^data:');
  // It may not listen yet: whoever does not, hears the next one.
  let done = false;
  heard.finally(() => (done = true)).catch(() => {});
  while (!done) await paste('publish-command', '--fail --max-time 10');
  assert.equal(await heard, 'data: Hello from a terminal\n');
});

test('the process stops and starts with new keys, and all works on', async () => {
  await morePoints(2);
  await hub.stop();
  await state('reconnecting');
  await hub.start();
  await state('open');
  const { token } = await (await fetch(`${hub.url}/demo/config.json`)).json();
  await page.waitForFunction((wanted) => document.getElementById('publish-command').textContent.includes(wanted), token);
  await message(await paste('publish-command', '--fail --max-time 10'));
  await page.fill('#send-text', 'and the form');
  await page.press('#send-text', 'Enter');
  await page.waitForFunction(() => document.querySelector('#messages li')?.textContent.startsWith('and the form'));
});

test('where there is no token, the page says so', async () => {
  await page.context().close();
  ({ page, complaints } = await open(browser, `${hub.url}/`, {
    route: ['**/demo/config.json', (route) => route.fulfill({ status: 403, json: { detail: 'Not under this name.' } })],
  }));
  await page.waitForFunction(() => document.getElementById('publish-command').textContent.includes('Not under this name.'));
  await page.fill('#send-text', 'lost?');
  await page.press('#send-text', 'Enter');
  await page.waitForFunction(() => document.getElementById('send-problem').textContent.includes('Not under this name.'));
  assert.equal(await page.inputValue('#send-text'), 'lost?');
});

test('where the hub holds no more, the page says so instead of counting', async () => {
  await page.context().close();
  let requests = 0;
  ({ page, complaints } = await open(browser, `${hub.url}/`, {
    script: () => {
      window.__fates = [];
      addEventListener('DOMContentLoaded', () => {
        const fate = document.getElementById('fate');
        new MutationObserver(() => window.__fates.push(fate.textContent)).observe(fate, { childList: true });
      });
    },
    route: [(url) => url.pathname === '/.well-known/mercure', (route) => {
      requests += 1;
      if (requests !== 2) return route.continue();
      const mark = 'id: #new-7\ncursor: new-7\n\n';
      return route.fulfill({ contentType: 'text/event-stream', body: `:\n${mark}event: headwater:gap\ndata: {"from":null,"to":"#new-7"}\n\n${mark}` });
    }],
  }));
  await morePoints(1);
  await page.click('#cut');
  await page.waitForFunction(() => window.__fates.includes('Back, with 0 that came meanwhile: more is no longer held, and the hub says so.'));
});
