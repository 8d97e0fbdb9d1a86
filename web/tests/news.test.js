// The news feed in a real browser, against a real hub. The hub publishes items of its own, too: what is looked at here are the
// tests' own, whose titles nobody else writes.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { ago } from '../demo/shared/ago.js';
import { Feed, itemOf, MOST } from '../demo/news/feed.js';
import { Browser } from './cdp.js';
import { Hub, until, Wire } from './hub.js';
import { launch, open } from './pages.js';

let browser;
let hub;
let wire;
let page;
let complaints;
let token;
let run = 0;

before(async () => {
  [browser, hub] = await Promise.all([launch(), Hub.start()]);
  wire = await Wire.to(hub.port);
  ({ token } = await (await fetch(`${hub.url}/demo/config.json`)).json());
});

after(async () => {
  await browser?.close();
  wire?.close();
  await hub?.stop();
});

beforeEach(async () => {
  run += 1;
  wire.mend();
  ({ page, complaints } = await open(browser, `${wire.url}/demo/news/`));
  await live();
});

afterEach(async () => {
  await page.context().close();
});

/** Items in the order of the array. @param {string[]} titles */
async function publish(titles, section = 'world', more = {}) {
  const updates = titles.map((title) => ({
    topic: `/demo/news/${section}`,
    data: { title, summary: 'As far as is known.', section, time: Date.now(), ...more },
  }));
  const answer = await fetch(`${hub.url}/.well-known/mercure`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(updates),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).map(({ id }) => id);
}

const named = (count) => Array.from({ length: count }, (_, index) => `Run ${run}, item ${index}`);
/** Live, and all that there was before is shown. */
const live = () => page.waitForFunction(() => document.querySelector('.state').dataset.state === 'open'
  && !document.querySelector('[aria-busy="true"]') && document.querySelectorAll('.item').length >= 12);
const titles = () => page.$$eval('.item h3', (found) => found.map(({ textContent }) => textContent));
/** The tests' own titles, newest first as on the page. */
const own = async () => (await titles()).filter((title) => title.startsWith(`Run ${run},`));
const shows = (title) => page.waitForFunction(
  (wanted) => [...document.querySelectorAll('.item h3')].some(({ textContent }) => textContent === wanted), title);
/** At least: the hub's own come between. */
const waiting = (count) => page.waitForFunction(
  (least) => parseInt(document.getElementById('newer').textContent, 10) >= least && !document.getElementById('newer').hidden, count);
const unreadInTitle = () => page.evaluate(() => Number(document.title.match(/^\((\d+)\) /)?.[1] ?? 0));
/** Marked as read, and not counted in the title: what is, are those that are marked as unread. The hub's own may be among them. */
const isRead = (wanted) => {
  const unread = document.querySelectorAll('.item.unread').length;
  return [...document.querySelectorAll('.item:not(.unread) h3')].some(({ textContent }) => textContent === wanted)
    && document.title === `${unread > 0 ? `(${unread}) ` : ''}News feed · Headwater`;
};
/** Goes down the page. What came before that is drawn, and what comes from here on waits. */
const readDown = () => page.evaluate(() => new Promise((drawn) => {
  window.scrollTo(0, 900);
  requestAnimationFrame(() => requestAnimationFrame(drawn));
}));
/** Closes the page as its reader would, and waits until it has taken note of where it was. */
async function leave() {
  const closed = page.waitForEvent('close');
  await page.close({ runBeforeUnload: true });
  await closed;
}
/** Where what the reader reads stands in the window. */
const place = (id) => page.evaluate((which) =>
  ({ scroll: scrollY, top: document.querySelector(`.item[data-id="${which}"]`).getBoundingClientRect().top }), id);

test('old items are there on load, in order and not as news', async () => {
  const wanted = named(3);
  await publish(wanted);
  await page.context().close();
  ({ page, complaints } = await open(browser, `${wire.url}/demo/news/`));
  await shows(wanted[2]);
  assert.deepEqual(await own(), wanted.toReversed());
  assert.equal(await page.locator('.item.unread', { hasText: `Run ${run},` }).count(), 0);
  for (const title of wanted) await page.waitForFunction(isRead, title);
  assert.deepEqual(complaints, []);
});

test('what comes in at the top of the page is shown at once', async () => {
  const [title] = named(1);
  await publish([title], 'science');
  await shows(title);
  // One of the hub's own may have come just now.
  assert.ok((await titles()).slice(0, 2).includes(title));
  assert.equal(await page.textContent(`.item:has-text("${title}") .section`), 'science');
  assert.equal(await page.isHidden('#newer'), true);
  // It is on screen: nobody has to be told.
  await page.waitForFunction(isRead, title);
});

test('the page does not move while items arrive, counts them, and shows them when asked', async () => {
  await readDown();
  const id = await page.evaluate(() => [...document.querySelectorAll('.item')]
    .find((item) => item.getBoundingClientRect().top > 100).dataset.id);
  const before = await place(id);
  assert.ok(before.scroll >= 900);
  const wanted = named(3);
  await publish(wanted);
  await waiting(3);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.deepEqual(await place(id), before);
  assert.deepEqual(await own(), []);
  assert.ok((await unreadInTitle()) >= 3);
  assert.equal(await page.textContent('#said'), 'There are new items.');

  await page.click('#newer');
  await shows(wanted[0]);
  assert.deepEqual(await own(), wanted.toReversed());
  assert.equal(await page.isHidden('#newer'), true);
  // On the newest of ours, or on one of the hub's own above it.
  assert.equal(await page.evaluate((newest) => {
    const items = [...document.querySelectorAll('.item')];
    const at = items.indexOf(document.activeElement);
    return at >= 0 && at <= items.findIndex((item) => item.querySelector('h3').textContent === newest);
  }, wanted[2]), true);
  await page.waitForFunction(() => document.querySelector('.items').getBoundingClientRect().top >= 0);
});

test('who scrolls back to the top by hand finds what has come', async () => {
  await readDown();
  const [title] = named(1);
  await publish([title]);
  await waiting(1);
  await page.evaluate(() => window.scrollTo(0, 0));
  await shows(title);
  assert.equal(await page.isHidden('#newer'), true);
});

test('items are read once they were on screen, or when somebody says so', async () => {
  await readDown();
  const wanted = named(24);
  await publish(wanted, 'sport');
  const badge = page.locator('button[data-section="sport"] .badge');
  const count = () => badge.evaluate(({ textContent, hidden }) => (hidden ? 0 : parseInt(textContent, 10)));
  await until(async () => (await count()) >= 24, 10_000);
  await page.click('#newer');
  // The first few are seen, the others are below the window's edge.
  const unread = page.locator('.item.unread', { hasText: `Run ${run},` });
  await until(async () => (await unread.count()) < 24, 10_000);
  assert.ok((await unread.count()) > 10);
  await page.click('#read-all');
  assert.equal(await unread.count(), 0);
  // One of the hub's own may have come just now.
  for (const left of [await unreadInTitle(), await count()]) assert.ok(left <= 1, `${left} left`);
});

test('a hidden page counts in its title, and what is on screen is read when somebody looks again', async () => {
  const chromium = await Browser.launch();
  try {
    const tab = await chromium.tab(`${hub.url}/demo/news/`);
    await tab.until(() => !document.querySelector('[aria-busy="true"]') && document.querySelectorAll('.item').length >= 12);
    await tab.hide();
    const [title] = named(1);
    await publish([title]);
    await tab.until(() => /^\(\d+\) /.test(document.title));
    await tab.show();
    await tab.until(isRead, title);
  } finally {
    await chromium.close();
  }
});

test('times stay true while the page is open', async () => {
  const [title] = named(1);
  await publish([title]);
  await shows(title);
  const words = `.item:has-text("${title}") time`;
  assert.equal(await page.textContent(words), 'just now');
  await page.clock.setFixedTime(Date.now() + 3 * 60_000 + 30_000);
  await page.waitForFunction((wanted) => [...document.querySelectorAll('.item')]
    .find((item) => item.textContent.includes(wanted)).querySelector('time').textContent === '3 min ago', title);
});

test('a section shows its own items alone, and a link leads to it', async () => {
  const [first, second] = named(2);
  await publish([first], 'culture');
  await publish([second], 'technology');
  await shows(second);
  await page.click('button[data-section="culture"]');
  await page.waitForFunction(() => [...document.querySelectorAll('.item')].every(({ dataset }) => dataset.section === 'culture'));
  assert.deepEqual(await own(), [first]);
  assert.equal(new URL(page.url()).hash, '#culture');
  await page.reload();
  await shows(first);
  assert.equal(await page.getAttribute('button[data-section="culture"]', 'aria-pressed'), 'true');
  assert.deepEqual(await own(), [first]);
});

test('a later visit goes on where the last one ended: nothing missing, nothing twice, and the new is unread', async () => {
  const wanted = named(30);
  await publish(wanted.slice(0, 2));
  await shows(wanted[1]);
  const { context, url } = { context: page.context(), url: page.url() };
  await leave();
  await publish(wanted.slice(2));
  page = await context.newPage();
  const asked = page.waitForRequest((request) => request.url().includes('/.well-known/mercure'));
  await page.goto(url);
  // It asks for what came after the last event that it had.
  assert.match((await asked).headers()['last-event-id'], /^#\w+-\d+$/);
  await shows(wanted.at(-1));
  await page.waitForFunction(() => document.title.startsWith('('));
  while (await page.isVisible('#older')) await page.click('#older');
  assert.deepEqual(await own(), wanted.toReversed());
});

test('a cut connection costs no item', async () => {
  const wanted = named(4);
  await publish(wanted.slice(0, 1));
  await shows(wanted[0]);
  wire.cut();
  await page.waitForFunction(() => document.querySelector('.state').dataset.state === 'reconnecting');
  await publish(wanted.slice(1));
  wire.mend();
  await shows(wanted[3]);
  assert.deepEqual(await own(), wanted.toReversed());
});

test('items that the hub no longer holds are said to be missing', async () => {
  // A cursor of a history that is gone.
  const kept = JSON.stringify({ cursor: '#aaaaaaaaaaaa-5', items: [] });
  await page.context().close();
  ({ page, complaints } = await open(browser, `${wire.url}/demo/news/`, { script: `localStorage['headwater-demo-news'] = '${kept}'` }));
  await page.waitForFunction(() => document.getElementById('said').textContent.startsWith('Some items are missing'));
  // Below all that the hub still has.
  await live();
  while (await page.isVisible('#older')) await page.click('#older');
  assert.match(await page.textContent('.gap'), /Some items are missing here/);
});

test('the form publishes, and markup in a headline stays text', async () => {
  const markup = `Run ${run}, <img src=x onerror=alert(1)> & <b>bold</b>`;
  await page.selectOption('#section', 'technology');
  await page.fill('#title', markup);
  await page.press('#title', 'Enter');
  await shows(markup);
  assert.equal(await page.locator('.item img, .item b').count(), 0);
  await page.waitForFunction(() => document.getElementById('published').textContent === 'Published.');
  assert.equal(await page.inputValue('#title'), '');
  assert.deepEqual(complaints, []);
});

test('what cannot be published stays in the form', async () => {
  await page.evaluate(() => fetch('/demo/config.json'));
  wire.lose();
  await page.fill('#title', 'Not lost');
  await page.press('#title', 'Enter');
  await page.waitForFunction(() => document.getElementById('problem').textContent.startsWith('It was not published'));
  assert.equal(await page.inputValue('#title'), 'Not lost');
});

test('what is no item is left out, and the page goes on', async () => {
  const [title] = named(1);
  const answer = await fetch(`${hub.url}/.well-known/mercure`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(['not JSON', 'null', '[]', '{"title":7}', '{"title":" "}'].map((data) => ({ topic: '/demo/news/world', data }))),
  });
  assert.equal(answer.status, 200);
  const before = await page.locator('.item').count();
  await publish([title]);
  await shows(title);
  // One more of ours, and perhaps one of the hub's own.
  assert.ok((await page.locator('.item').count()) - before <= 2);
  assert.deepEqual(complaints, []);
});

// The parts that need no page.

const event = (data, topic = '/demo/news/world') =>
  ({ lastEventId: 'a', topics: [topic], json: () => JSON.parse(data) });
const item = (id, more = {}) => ({ id, title: id, summary: '', section: 'world', time: 1, read: false, ...more });

test('the topic says the section, and what has no clock of its own has come now', () => {
  assert.deepEqual(itemOf(event('{"title":"T","section":"sport","time":"x"}', '/demo/news/science'), 7),
    { id: 'a', title: 'T', summary: '', section: 'science', time: 7, read: false });
  assert.equal(itemOf(event('{"title":"T"}', '/demo/other'), 7), null);
  assert.equal(itemOf(event(JSON.stringify({ title: 'x'.repeat(5_000), time: 1e300 })), 7).title.length, 200);
});

test('what is kept is bounded, and what is being read is not the first to go', () => {
  const feed = new Feed();
  for (let index = 0; index < MOST + 50; index += 1) feed.add(item(`i${index}`), false);
  assert.equal(feed.shown().length, MOST);
  const last = feed.shown().at(-1);
  for (let index = 0; index < MOST; index += 1) feed.add(item(`h${index}`), true);
  assert.equal(feed.waiting(), MOST);
  assert.equal(feed.shown().at(-1), last);
  for (let index = 0; index < 5 * MOST; index += 1) feed.add(item(`m${index}`), true);
  assert.ok(feed.waiting() + feed.shown().length <= 2 * MOST);
  feed.letIn();
  assert.equal(feed.shown().length, MOST);
  assert.equal(feed.shown()[0].id, `m${5 * MOST - 1}`);
});

test('what comes twice is one, and what follows a held one is held', () => {
  const feed = new Feed();
  assert.deepEqual([feed.add(item('a'), false), feed.add(item('a'), false)], [true, false]);
  feed.add(item('b'), true);
  feed.add(item('c', { section: 'sport' }), false);
  assert.deepEqual([feed.waiting(), feed.waiting('sport'), feed.unread(), feed.shown().length], [2, 1, 3, 1]);
  feed.markRead('b');
  assert.equal(feed.unread(), 2);
});

test('a storage that holds something else is a first visit', () => {
  for (const kept of [null, undefined, 'x', {}, [{}, null, 7, { id: 'a', title: 'no time' }]]) assert.deepEqual(new Feed(kept).shown(), []);
  const feed = new Feed();
  feed.add(item('a'), false);
  feed.add({ id: 'g', gap: true }, false);
  assert.deepEqual(new Feed(JSON.parse(JSON.stringify(feed))).shown(), feed.shown());
});

test('times in words', () => {
  const now = Date.UTC(2026, 0, 2, 12);
  const words = (passed) => ago(now - passed, now);
  assert.deepEqual([words(-5_000), words(59_000), words(60_000), words(3_599_000), words(3_600_000), words(86_399_000)],
    ['just now', 'just now', '1 min ago', '59 min ago', '1 h ago', '23 h ago']);
  assert.match(words(86_400_000), /Jan/);
});
