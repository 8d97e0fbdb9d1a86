// The notifications in a real browser, against a real hub.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Inbox, noticeOf } from '../demo/notifications/inbox.js';
import { Hub, Wire } from './hub.js';
import { launch, open } from './pages.js';

/** Stands in for the system's notifications; what it was told is in `__shown`. @param {string} permission @param {string} [answer] */
const system = (permission, answer = permission) => `
  window.__shown = [];
  window.__asked = 0;
  window.Notification = class {
    static permission = '${permission}';
    static async requestPermission() {
      window.__asked += 1;
      return (Notification.permission = '${answer}');
    }
    constructor(title, { body }) {
      window.__shown.push([title, body]);
    }
  };`;

let browser;
let hub;
let wire;
let token;
let page;
let complaints;

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

afterEach(async () => {
  await page?.context().close();
  wire.mend();
});

/** @param {Parameters<typeof open>[2]} [options] */
async function look(options) {
  ({ page, complaints } = await open(browser, `${wire.url}/demo/notifications/`, options));
  await live();
}

/** Live, and all that was sent before is shown. */
const live = () => page.waitForFunction(() =>
  document.querySelector('.state').dataset.state === 'open' && !document.querySelector('[aria-busy="true"]'));

/** As the application's server would, without the page. */
async function publish(user, data) {
  const answer = await fetch(`${hub.url}/.well-known/mercure`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ topic: `/demo/notifications/${user}`, private: true, data }),
  });
  assert.equal(answer.status, 200);
}

/** With the page's own form. */
async function send(user, title) {
  await page.check(`[name="to"][value="${user}"]`);
  await page.fill('#title', title);
  await page.press('#title', 'Enter');
  await shows(user, title);
  // The answer may come later than the notification, and the form is filled anew by it.
  await page.waitForSelector('#send:enabled');
}

/** Closes the page as its reader would, and waits until it has taken note of where it was. */
async function leave() {
  const closed = page.waitForEvent('close');
  await page.close({ runBeforeUnload: true });
  await closed;
}

const shows = (user, title) => page.waitForFunction(([pane, wanted]) =>
  [...document.querySelectorAll(`[data-user="${pane}"] .notice h3`)].some(({ textContent }) => textContent === wanted), [user, title]);
const titles = (user) => page.$$eval(`[data-user="${user}"] .notice h3`, (all) => all.map(({ textContent }) => textContent));
const badge = (user) => page.$eval(`[data-user="${user}"] .badge`, (found) => (found.hidden ? 0 : parseInt(found.textContent, 10)));
const proof = (user) => page.textContent(`[data-user="${user}"] .pane-head .hint`);

test('what is sent to one user reaches that user alone, though both ask for everybody’s', async () => {
  const asked = [];
  await look();
  page.on('request', (request) => request.url().includes('/.well-known/mercure') && request.method() === 'GET' && asked.push(request));
  await page.reload();
  await live();
  await send('alice', 'For Alice, first');
  await send('alice', 'For Alice, second');
  // Later than those that must not have come to him.
  await send('bob', 'For Bob');
  await page.waitForFunction(() => document.querySelector('[data-user="alice"] .hint').textContent.startsWith('Got 2 of 2'));
  assert.equal(await proof('alice'), 'Got 2 of 2 sent to Alice, 0 of 1 sent to Bob');
  assert.equal(await proof('bob'), 'Got 0 of 2 sent to Alice, 1 of 1 sent to Bob');
  assert.deepEqual(await titles('alice'), ['For Alice, second', 'For Alice, first']);
  assert.deepEqual(await titles('bob'), ['For Bob']);

  assert.equal(asked.length, 2);
  assert.deepEqual(asked.map((request) => new URL(request.url()).searchParams.getAll('topic')),
    [['/demo/notifications/{user}'], ['/demo/notifications/{user}']]);
  const [one, other] = asked.map((request) => request.headers().authorization);
  assert.ok(one && other && one !== other);
  assert.deepEqual(complaints, []);
});

test('what was sent before is there on load, without a fuss', async () => {
  await publish('bob', { title: 'Before you came', text: 'A while ago.', kind: 'message', time: Date.now() - 120_000 });
  await look();
  await shows('bob', 'Before you came');
  assert.equal(await page.textContent('[data-user="bob"] .notice .ago'), '2 min ago');
  assert.equal(await page.locator('.toast').count(), 0);
});

test('unread ones are counted, in the title too, and what was read stays read', async () => {
  await look();
  for (const user of ['alice', 'bob']) if (await page.isEnabled(`[data-user="${user}"] .pane-head button`)) await page.click(`[data-user="${user}"] .pane-head button`);
  await send('alice', 'One');
  await send('alice', 'Two');
  await send('bob', 'Three');
  assert.deepEqual([await badge('alice'), await badge('bob')], [2, 1]);
  assert.equal(await page.title(), '(3) Notifications · Headwater');

  await page.click('[data-user="alice"] .notice:has-text("Two") .done');
  assert.equal(await badge('alice'), 1);
  // Whoever goes through them by keyboard goes on with the next.
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Mark “One” as read');
  assert.equal(await page.title(), '(2) Notifications · Headwater');

  await page.reload();
  await live();
  await shows('alice', 'One');
  assert.deepEqual([await badge('alice'), await badge('bob')], [1, 1]);
  await page.click('[data-user="bob"] .pane-head button');
  assert.equal(await badge('bob'), 0);
  assert.equal(await page.title(), '(1) Notifications · Headwater');
});

test('a later visit brings what came meanwhile, and nothing twice', async () => {
  await look();
  await send('alice', 'Here');
  const [context, url] = [page.context(), page.url()];
  await leave();
  await publish('alice', { title: 'Meanwhile' });
  page = await context.newPage();
  await page.goto(url);
  await shows('alice', 'Meanwhile');
  const own = (await titles('alice')).slice(0, 2);
  assert.deepEqual(own, ['Meanwhile', 'Here']);
});

test('toasts are in a polite live region, few at once, and go when told', async () => {
  await look();
  assert.equal(await page.getAttribute('#toasts', 'role'), 'status');
  for (const title of ['A', 'B', 'C', 'D']) await publish('alice', { title, time: Date.now() });
  await page.waitForFunction(() => document.getElementById('toasts').textContent.includes('For Alice: D'));
  assert.equal(await page.locator('.toast').count(), 3);
  await page.click('.toast:has-text("For Alice: D") button');
  assert.equal(await page.locator('.toast:has-text("For Alice: D")').count(), 0);
});

test('the system’s notifications are asked for by the bell only, and then shown', async () => {
  await look({ script: system('default', 'granted') });
  await send('alice', 'Not yet');
  assert.deepEqual(await page.evaluate(() => [window.__asked, window.__shown]), [0, []]);
  await page.click('#bell');
  await page.waitForFunction(() => document.getElementById('bell').getAttribute('aria-pressed') === 'true');
  await send('bob', 'Now');
  assert.deepEqual(await page.evaluate(() => [window.__asked, window.__shown.map(([title]) => title)]), [1, ['For Bob: Now']]);
  await page.click('#bell');
  await send('bob', 'No more');
  assert.equal(await page.evaluate(() => window.__shown.length), 1);
});

for (const [name, script, words] of [
  ['are blocked', system('denied'), /blocked/],
  ['do not exist', 'delete window.Notification', /no desktop notifications/],
]) {
  test(`where the system’s notifications ${name}, the page says so`, async () => {
    await look({ script });
    assert.match(await page.textContent('#bell-words'), words);
    assert.equal(await page.isDisabled('#bell'), true);
  });
}

test('where the browser refuses after all, the page says so and goes on', async () => {
  await look({ script: `${system('granted')} window.Notification = class extends Notification { constructor() { super('', {}); throw new TypeError('Illegal constructor'); } };` });
  await page.click('#bell');
  await send('alice', 'Still here');
  assert.match(await page.textContent('#bell-words'), /does not show them.*Illegal constructor/);
  assert.deepEqual(complaints, []);
});

test('markup stays text, and what is no notification is left out', async () => {
  await look();
  // Behind all that the tests before have sent.
  await publish('alice', { title: 'The last one that counts', text: '', kind: 'info', time: 0 });
  await shows('alice', 'The last one that counts');
  const before = (await titles('alice')).length;
  for (const data of ['not JSON', null, [], { title: 7 }, { title: ' ' }]) await publish('alice', data);
  const markup = '<img src=x onerror=alert(1)>';
  await publish('alice', { title: markup, text: markup, kind: markup, time: 'now' });
  await shows('alice', markup);
  assert.equal((await titles('alice')).length, before + 1);
  assert.equal(await page.locator('.notice img, .toast img').count(), 0);
  assert.deepEqual(complaints, []);
});

test('what cannot be sent stays in the form', async () => {
  await look();
  await send('alice', 'Through');
  wire.lose();
  await page.fill('#title', 'Not lost');
  await page.press('#title', 'Enter');
  await page.waitForFunction(() => document.getElementById('problem').textContent.startsWith('It was not sent'));
  assert.equal(await page.inputValue('#title'), 'Not lost');
  assert.equal(await page.textContent('#sent'), '');
});

// The parts that need no page.

const event = (data, topic = '/demo/notifications/alice') => ({ lastEventId: 'a', topics: [topic], json: () => JSON.parse(JSON.stringify(data)) });

test('the topic says whom it is for', () => {
  assert.deepEqual(noticeOf(event({ title: 'T', to: 'bob', time: 3 }), 7),
    { id: 'a', to: 'alice', title: 'T', text: '', kind: '', time: 3, read: false });
  assert.equal(noticeOf(event({ title: 'T' }, '/demo/news/world'), 7), null);
  assert.equal(noticeOf(event({ title: 'x'.repeat(9_999), time: 1e300 }), 7).title.length, 100);
  assert.equal(noticeOf(event({ title: 'T', time: 1e300 }), 7).time, 7);
});

test('an inbox is bounded, takes nothing twice, and knows what was read', () => {
  const inbox = new Inbox();
  const notice = (id) => ({ id, to: 'alice', title: id, text: '', kind: '', time: 1, read: false });
  assert.deepEqual([inbox.add(notice('a')), inbox.add(notice('a'))], [true, false]);
  for (let index = 0; index < 500; index += 1) inbox.add(notice(`n${index}`));
  assert.equal(inbox.notices.length, 50);
  assert.equal(inbox.notices[0].id, 'n499');
  inbox.markRead('n499');
  assert.equal(inbox.unread, 49);
  assert.deepEqual(new Inbox(JSON.parse(JSON.stringify(inbox))).notices, inbox.notices);
  inbox.markRead();
  assert.equal(inbox.unread, 0);
  for (const kept of [null, 'x', {}, [null, {}, { id: 'a' }]]) assert.deepEqual(new Inbox(kept).notices, []);
});
