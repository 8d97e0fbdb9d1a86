// The token stream in a real browser, against a real hub: an answer is whole, whatever happens while it is read.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Hub, Wire } from './hub.js';
import { launch, open } from './pages.js';

let browser;
let hub;
let wire;
let page;
let complaints;
let token;

before(async () => {
  [browser, hub] = await Promise.all([launch(), Hub.start()]);
  wire = await Wire.to(hub.port);
});

after(async () => {
  await browser?.close();
  wire?.close();
  await hub?.stop();
});

beforeEach(async () => {
  wire.mend();
  ({ token } = await (await fetch(`${hub.url}/demo/config.json`)).json());
  ({ page, complaints } = await open(browser, `${wire.url}/demo/answer/`));
});

afterEach(async () => {
  await page.context().close();
});

const state = (wanted, nth = 'last') => page.locator(`#thread > li:${nth}-child[data-state="${wanted}"]`).waitFor();
const words = (least) => page.waitForFunction((count) => parseInt(document.querySelector('#thread > li:last-child .facts-line')?.textContent) >= count, least);
const text = (nth = 'last') => page.locator(`#thread > li:${nth}-child .text`).evaluate((box) => [...box.children].map((p) => p.textContent).join('\n\n'));
const facts = () => page.locator('#thread > li:last-child .facts-line').textContent();
const spoken = () => page.locator('#spoken p').allTextContents();

async function ask(question) {
  await page.locator('#question').fill(question);
  await page.locator('#question').press('Enter');
}

/** The answer that the address names last, as the hub has it; read without any browser. */
async function whole() {
  const id = page.url().split(/[=,]/).at(-1);
  const count = Number((await facts()).split(' ')[0]);
  return (await hub.events(`/demo/answers/${id}`, count)).map(({ data }) => JSON.parse(data).text).join('');
}

/** Publishes as the server does that writes an answer, at the test's own pace. */
async function publish(id, data, type) {
  const answer = await fetch(`${hub.url}/.well-known/mercure`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
    body: new URLSearchParams({ topic: `/demo/answers/${id}`, data: typeof data === 'string' ? data : JSON.stringify(data), ...(type && { type }) }),
  });
  assert.equal(answer.status, 200);
}

/** Opens this answer, which nobody has asked for on this page. */
async function visit(...ids) {
  await page.goto(`${wire.url}/demo/answer/?answers=${encodeURIComponent(ids.join())}`);
}

let last = 0;
const freshId = () => String((last += 1)).padStart(16, '0');

test('an answer comes word by word, and goes on after a reload in the middle, complete and in order', async () => {
  await ask('What happens on a <b>reload</b>?');
  await words(10);
  await state('writing');
  const before = await text();
  await page.reload();
  await words(20);
  await state('writing');
  assert.ok((await text()).startsWith(before), 'what was there is there');
  assert.equal(await page.locator('.question').textContent(), 'What happens on a <b>reload</b>?');
  await state('done');
  assert.equal(await text(), await whole());
  assert.match(await facts(), /^1\d\d words · 0 missing$/);
  assert.match(await text(), /no language model/);
  // It stays complete, and is not read for ever.
  await page.reload();
  await state('done');
  assert.equal(await text(), await whole());
  assert.deepEqual(complaints, []);
});

test('cut connections leave nothing out and bring nothing twice', async () => {
  const id = freshId();
  let count = 0;
  const more = async (until) => {
    for (; count < until; count += 1) await publish(id, { index: count, text: ` ${count}` });
  };
  await more(3);
  await visit(id);
  await words(3);
  // It is so for a second: looked for in each frame, from before.
  const cut = page.waitForFunction(() => document.querySelector('#thread > li').dataset.state === 'cut');
  await page.locator('#cut').click();
  await cut;
  await more(6);
  await words(6);
  wire.cut();
  await state('cut');
  await more(9);
  assert.match(await facts(), /^6 words/);
  wire.mend();
  await words(9);
  await more(12);
  await publish(id, { words: 12 }, 'done');
  await state('done');
  assert.equal(await text(), ' 0 1 2 3 4 5 6 7 8 9 10 11');
  assert.equal(await facts(), '12 words · 0 missing · reconnected 2 times');
});

test('stop ends the stream, and going on brings what was written meanwhile', async () => {
  const id = freshId();
  for (const index of [0, 1]) await publish(id, { index, text: ` ${index}` });
  await visit(id);
  await words(2);
  const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('mercure'));
  await page.locator('#stop').click();
  await ended;
  await state('stopped');
  for (const index of [2, 3]) await publish(id, { index, text: ` ${index}` });
  await publish(id, { words: 4 }, 'done');
  assert.equal(await text(), ' 0 1');
  await page.getByRole('button', { name: 'Go on' }).click();
  await state('done');
  assert.equal(await text(), ' 0 1 2 3');
  assert.equal(await facts(), '4 words · 0 missing');
});

test('one question follows another, and a reload brings all of them back', async () => {
  await page.getByText('Why not WebSockets?').click();
  await state('writing');
  // What is asked now would take the place of what is being written: it waits in the field.
  await ask('And tokens?');
  assert.equal(await page.locator('#thread > li').count(), 1);
  await page.locator('#stop').click();
  await page.locator('#ask').click();
  await state('stopped', 'first');
  await state('writing');
  await page.reload();
  await state('done', 'first');
  await state('done');
  assert.match(await text('first'), /WebSocket/);
  assert.match(await text(), /token/i);
  assert.deepEqual(await page.locator('.question').allTextContents(), ['Why not WebSockets?', 'And tokens?']);
});

test('another window with the address reads along', async () => {
  const id = freshId();
  await publish(id, { index: 0, text: 'Once' });
  await visit(id);
  await words(1);
  await publish(id, { index: 1, text: ' upon' });
  await words(2);
  assert.equal(await page.locator('.question').textContent(), 'A question from another window');
  await publish(id, { words: 2 }, 'done');
  await state('done');
  assert.equal(await text(), 'Once upon');
});

test('whole sentences are read out, once they are complete, and nothing that was there before', async () => {
  const id = freshId();
  await publish(id, { index: 0, text: 'Old.' });
  await publish(id, { index: 1, text: ' A' });
  await visit(id);
  await words(2);
  // All that was there before has come.
  await page.locator('#thread > li[aria-busy="false"]').waitFor();
  await page.waitForFunction(() => document.querySelector('.state').textContent === 'Live');
  const pieces = [' new', ' one', ' with', ' 3.5', ' words.', ' Another', ' one'];
  for (const [index, piece] of pieces.entries()) await publish(id, { index: index + 2, text: piece });
  await words(9);
  assert.deepEqual(await spoken(), ['new one with 3.5 words.']);
  await publish(id, { words: 9 }, 'done');
  await state('done');
  assert.deepEqual(await spoken(), ['new one with 3.5 words.', 'Another one', 'The answer is complete.']);
  assert.equal(await page.locator('#scroll[aria-live], #scroll [aria-live]').count(), 0, 'words are not read out one by one');
});

test('what is missing or doubled is seen, and what is no word does no harm', async () => {
  const id = freshId();
  for (const data of [{ index: 0, text: '<img src=x onerror=alert(1)>' }, { index: 0, text: ' again' }, { index: 3, text: ' and' }, 'no JSON', 'null',
    { index: 'x', text: 'x' }, { index: 4, text: 7 }, { text: 'none' }, { index: 4, text: ' so' }]) await publish(id, data);
  await visit(id);
  await words(3);
  assert.equal(await text(), '<img src=x onerror=alert(1)> and so');
  assert.equal(await facts(), '3 words · 2 missing');
  assert.equal(await page.locator('#thread img').count(), 0);
  assert.deepEqual(complaints, []);
});

test('an answer that is no longer held, or that nobody goes on writing, is told as that', async () => {
  await visit(freshId());
  await state('gone');
  const id = freshId();
  await publish(id, { index: 0, text: 'Half' });
  await page.clock.install();
  await visit(id);
  await words(1);
  await page.clock.runFor(6_000);
  await state('stalled');
  await publish(id, { index: 1, text: ' after all' });
  await state('writing');
  assert.equal(await text(), 'Half after all');
});

test('an address that names no answer is an empty page, and a refused question is told', async () => {
  await visit('<script>', '../../system', 'x'.repeat(16));
  await page.locator('#welcome').waitFor();
  assert.equal(await page.locator('#thread > li').count(), 0);
  await page.locator('#question').evaluate((field) => field.removeAttribute('maxlength'));
  await ask('?'.repeat(501));
  await page.locator('#problem', { hasText: 'Not asked: ' }).waitFor();
  assert.equal((await page.locator('#question').inputValue()).length, 501, 'it is not lost');
});
