// The chat in a real browser, against a real hub: what arrives, what waits, and who may write what.

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
let run = 0;

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
  run += 1;
  wire.mend();
  ({ token } = await (await fetch(`${hub.url}/demo/config.json`)).json());
  ({ page, complaints } = await open(browser, `${wire.url}/demo/chat/`));
  for (const pane of [seat(1), seat(2)]) {
    await online(pane);
    await arrivedAll(pane);
  }
});

afterEach(async () => {
  await page.context().close();
});

/** One of the two people on the page. */
const seat = (number, on = page) => on.locator(`[data-seat="${number}"]`);
const online = (pane) => pane.and(pane.page().locator('[data-online="true"]')).waitFor();
const offline = (pane) => pane.and(pane.page().locator('[data-online="false"]')).waitFor();
/** Texts that no other test writes. */
const own = (text) => `${text} (${run})`;
/** What has arrived, as opposed to what waits. */
const arrived = (pane, text) => pane.locator('.messages:not(.drafts) li:not(.divider)', { has: pane.page().getByText(text, { exact: true }) });
const waiting = (pane, text) => pane.locator('.drafts li', { hasText: text });
const nameOf = (pane) => pane.locator('h2').textContent();

async function write(pane, text) {
  await pane.locator('textarea').fill(text);
  await pane.locator('textarea').press('Enter');
}

/** Publishes past the page. */
async function publish(topic, data, bearer = token) {
  const answer = await fetch(`${hub.url}/.well-known/mercure`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${bearer}` },
    body: new URLSearchParams({ topic, data: typeof data === 'string' ? data : JSON.stringify(data) }),
  });
  return answer.status;
}

/** All that the hub has of a topic, once `last` is there: read without any browser. */
async function held(topic, last) {
  for (let count = 1; ; count += 1) {
    const events = await hub.events(topic, count);
    if (events.at(-1).data.includes(last)) return events.map(({ data }) => JSON.parse(data).text);
  }
}

test('what one writes, the other reads, in both directions and in both windows', async () => {
  const text = own('Hello from the left');
  await write(seat(1), text);
  await arrived(seat(1), text).and(page.locator('.mine')).waitFor();
  await arrived(seat(2), text).and(page.locator(':not(.mine)')).waitFor();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await arrived(seat(1, other), text).waitFor();

  const back = own('Hello from the other window');
  await write(seat(2, other), back);
  for (const pane of [seat(1), seat(2), seat(1, other), seat(2, other)]) await arrived(pane, back).waitFor();
  assert.equal(await seat(1).locator('.drafts li').count(), 0);
  assert.equal(await arrived(seat(1), text).count(), 1);
  assert.deepEqual(complaints, []);
});

test('history is there on load, each room has its own, and a name is kept', async () => {
  for (const room of ['lobby', 'help']) {
    for (const text of ['first', 'second']) assert.equal(await publish(`/demo/chat/${room}/Ann%20%26%20Bob`, { text: own(`${room}, ${text}`), time: 1, nonce: own(`${room} ${text}`) }), 200);
  }
  const name = await nameOf(seat(1));
  await page.reload();
  await arrived(seat(1), own('lobby, second')).waitFor();
  const texts = await seat(1).locator('.messages li[data-user="Ann & Bob"] .text').allTextContents();
  assert.deepEqual(texts.slice(-2), [own('lobby, first'), own('lobby, second')]);
  assert.equal(await nameOf(seat(1)), name);
  // What was there before the page is not news.
  assert.equal(await seat(1).locator('.badge').count(), 0);
  await seat(1).locator('[data-room="help"]').click();
  await arrived(seat(1), own('help, second')).waitFor();
  assert.equal(await arrived(seat(1), own('lobby, second')).count(), 0);
});

test('what is written in another room is counted until the room is opened', async () => {
  await seat(2).locator('[data-room="random"]').click();
  for (const text of ['one', 'two']) {
    await write(seat(2), own(text));
    await arrived(seat(2), own(text)).waitFor();
  }
  const random = seat(1).locator('[data-room="random"]');
  await random.getByText('2 unread').waitFor();
  assert.equal(await seat(2).locator('.badge').count(), 0, 'who wrote it has read it');
  await random.click();
  await arrived(seat(1), own('two')).waitFor();
  assert.equal(await seat(1).locator('.badge').count(), 0);
});

test('markup stays text, in messages and in names', async () => {
  const text = own('<img src=x onerror=alert(1)><b>bold</b>');
  await seat(1).getByText('Rename').click();
  await seat(1).getByLabel('Your name').fill('<i>Eve</i>');
  await seat(1).getByLabel('Your name').press('Enter');
  await seat(1).locator('h2', { hasText: '<i>Eve</i>' }).waitFor();
  await write(seat(1), text);
  await arrived(seat(2), text).waitFor();
  assert.equal(await arrived(seat(2), text).locator('b').first().textContent(), '<i>Eve</i>');
  assert.equal(await page.locator('.pane img, .pane i').count(), 0);
  assert.deepEqual(complaints, []);
});

test('nobody writes as somebody else', async () => {
  await page.locator('#forge-name').fill('The King');
  await page.locator('#forge button').click();
  await page.waitForFunction(() => document.getElementById('forge-answer').textContent.startsWith('403'));
  // Nor past the page, with the token that it has.
  const { token: mine } = await (await fetch(`${hub.url}/demo/token`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user: "Ann (the 'real' one)!*" }),
  })).json();
  const message = { text: own('It is me'), time: 1, nonce: own('me') };
  assert.equal(await publish('/demo/chat/lobby/The%20King', message, mine), 403);
  assert.equal(await publish('/demo/chat/lobby/Ann%20%28the%20%27real%27%20one%29%21%2A', message, mine), 200);
  await arrived(seat(1), own('It is me')).and(page.locator('[data-user="Ann (the \'real\' one)!*"]')).waitFor();
  assert.equal(await page.locator('[data-user="The King"]').count(), 0);
});

test('a name that no token is given for is refused, and the old one stays', async () => {
  const name = await nameOf(seat(1));
  await seat(1).getByText('Rename').click();
  await seat(1).getByLabel('Your name').evaluate((input) => (input.removeAttribute('maxlength')));
  await seat(1).getByLabel('Your name').fill('x'.repeat(41));
  await seat(1).getByText('Save').click();
  await seat(1).locator('.problem', { hasText: 'No token for that name' }).waitFor();
  assert.equal(await nameOf(seat(1)), name);
});

test('while the hub is away messages wait, over a reload too, and then arrive in order and once', async () => {
  const name = encodeURIComponent(await nameOf(seat(1)));
  await hub.stop();
  await offline(seat(1));
  const texts = ['the first', 'the second', 'the third'].map(own);
  for (const text of texts) await write(seat(1), text);
  await waiting(seat(1), texts[2]).getByText('Not sent yet, will be retried').waitFor();
  const kept = await page.evaluate(() => JSON.stringify(localStorage));

  await hub.start();
  // Twice the same person comes back with what was kept, as after a browser that ended before it took note: both send it.
  const script = `for (const [name, text] of Object.entries(${kept})) localStorage[name] ??= text`;
  const twins = [];
  for (const visit of [1, 2]) {
    const { page: twin } = await open(browser, `${wire.url}/demo/chat/`, { script });
    twins.push(twin);
    for (const text of texts) await arrived(seat(1, twin), text).waitFor();
    await seat(1, twin).locator('.drafts li').first().waitFor({ state: 'detached' });
    assert.deepEqual((await seat(1, twin).locator('.messages .text').allTextContents()).slice(-3), texts, `visit ${visit}`);
    assert.equal(await twin.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('unsent')).length), 0);
  }
  // Published after whatever the second one sent.
  await write(seat(1, twins[1]), own('back'));
  await arrived(seat(2, twins[0]), own('back')).waitFor();
  assert.deepEqual((await held(`/demo/chat/lobby/${name}`, own('back'))).filter((text) => texts.includes(text)), texts);
  for (const twin of twins) await twin.context().close();
});

test('a publish whose answer is lost is sent again and published once', async () => {
  const name = encodeURIComponent(await nameOf(seat(1)));
  const text = own('is it there?');
  let attempts = 0;
  await page.route('**/.well-known/mercure', async (route) => {
    if (!route.request().postData()?.includes('chat')) return route.continue();
    attempts += 1;
    if (attempts > 1) return route.continue();
    await route.fetch();
    return route.abort('connectionreset');
  });
  await write(seat(1), text);
  await write(seat(1), own('and after it'));
  await arrived(seat(2), own('and after it')).waitFor();
  assert.ok(attempts >= 3, `${attempts} attempts`);
  assert.equal(await arrived(seat(1), text).count(), 1);
  assert.deepEqual((await held(`/demo/chat/lobby/${name}`, own('and after it'))).filter((one) => one === text), [text]);
});

test('one of two goes offline, writes, and comes back', async () => {
  await seat(1).getByText('Go offline').click();
  await offline(seat(1));
  await write(seat(1), own('from the tunnel'));
  await waiting(seat(1), own('from the tunnel')).getByText('Not sent yet').waitFor();
  await write(seat(2), own('are you there?'));
  await arrived(seat(2), own('are you there?')).waitFor();
  assert.equal(await arrived(seat(1), own('are you there?')).count(), 0);
  await seat(1).getByText('Go online').click();
  for (const pane of [seat(1), seat(2)]) {
    await arrived(pane, own('from the tunnel')).waitFor();
    await arrived(pane, own('are you there?')).waitFor();
    assert.equal(await arrived(pane, own('from the tunnel')).count(), 1);
  }
});

test('what the hub refuses is said, can be discarded, and holds nothing up', async () => {
  await page.route('**/.well-known/mercure', (route) => {
    if (!route.request().postData()?.includes('unwelcome')) return route.continue();
    return route.fulfill({ status: 413, contentType: 'application/problem+json', body: '{"title":"Too large","detail":"No."}' });
  });
  await write(seat(1), own('unwelcome'));
  await waiting(seat(1), own('unwelcome')).getByText('Refused: 413').waitFor();
  await write(seat(1), own('welcome'));
  await arrived(seat(2), own('welcome')).waitFor();
  await seat(1).getByText('Discard').click();
  await waiting(seat(1), own('unwelcome')).waitFor({ state: 'detached' });
});

test('who types is hinted at, sparingly, until the message is there', async () => {
  const hints = [];
  page.on('request', (request) => request.postData()?.includes('typing') && hints.push(request));
  const name = await nameOf(seat(1));
  const begun = Date.now();
  await seat(1).locator('textarea').pressSequentially('Hello, I am typing');
  await seat(2).locator('.typing', { hasText: `${name} is typing…` }).waitFor();
  assert.equal(await seat(1).locator('.typing').textContent(), '', 'one knows it of oneself');
  // One in three seconds, and a slow machine may type for longer.
  const most = 1 + Math.floor((Date.now() - begun) / 3_000);
  assert.ok(hints.length >= 1 && hints.length <= most, `${hints.length} hints, of ${most}`);
  // Not in another room, nor from history.
  const other = await page.context().newPage();
  await other.goto(page.url());
  await online(seat(1, other));
  await arrivedAll(seat(2, other));
  assert.equal(await seat(2, other).locator('.typing').textContent(), '');
  await seat(1).locator('textarea').press('Enter');
  await arrived(seat(2), 'Hello, I am typing').first().waitFor();
  await seat(2).locator('.typing:empty').waitFor({ state: 'attached' });
});

test('a hint that nothing follows ends by itself', async () => {
  await page.clock.install();
  await seat(1).locator('textarea').pressSequentially('I changed my');
  await seat(2).locator('.typing', { hasText: 'is typing…' }).waitFor();
  await page.clock.runFor(5_100);
  await seat(2).locator('.typing:empty').waitFor({ state: 'attached' });
});

test('who reads further up stays there, and is told how much is new', async () => {
  for (let index = 0; index < 40; index += 1) await publish('/demo/chat/lobby/Talker', { text: own(`line ${index}`), time: Date.now(), nonce: own(String(index)) });
  await arrived(seat(1), own('line 39')).waitFor();
  const list = seat(1).locator('.scroll');
  const fromEnd = () => list.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight);
  assert.ok((await fromEnd()) < 5);
  await list.evaluate((element) => (element.scrollTop = 100));
  for (const text of ['news', 'more news']) await write(seat(2), own(text));
  await seat(1).getByText('2 new messages').waitFor();
  assert.equal(await list.evaluate(({ scrollTop }) => scrollTop), 100);
  await seat(1).getByText('2 new messages').click();
  assert.ok((await fromEnd()) < 5);
  await seat(1).locator('.newer').waitFor({ state: 'hidden' });
  await write(seat(2), own('at the end'));
  await arrived(seat(1), own('at the end')).waitFor();
  assert.ok((await fromEnd()) < 5);
});

test('what is no message, and what was published twice, does no harm', async () => {
  for (const data of ['not JSON', 'null', '[]', '{"text":1}', '{"text":"  "}']) await publish('/demo/chat/lobby/Odd', data);
  await publish('/demo/chat/attic/Odd', { text: own('nowhere'), time: 1, nonce: '1' });
  await publish('/demo/chat/lobby/%E0%A4%A', { text: own('nobody'), time: 1, nonce: '2' });
  for (const time of ['soon', 8e15]) await publish('/demo/chat/lobby/Odd', { text: own('twice'), time, nonce: own('twice') });
  await publish('/demo/chat/lobby/Odd', { text: own('the end'), time: 1, nonce: own('end') });
  await arrived(seat(1), own('the end')).waitFor();
  assert.equal(await arrived(seat(1), own('twice')).count(), 1);
  assert.equal(await page.getByText(own('nowhere')).count() + await page.getByText(own('nobody')).count(), 0);
  assert.deepEqual(complaints, []);
});

test('what the hub no longer has is told where it is missing', async () => {
  await write(seat(1), own('before'));
  await arrived(seat(2), own('before')).waitFor();
  // A hub that says so, in the stream: nobody publishes that type but the hub itself.
  let told = false;
  await page.route('**/.well-known/mercure?*', (route) => {
    if (told) return route.continue();
    told = true;
    return route.fulfill({ contentType: 'text/event-stream', body: 'event: headwater:gap\ndata: {}\n\n' });
  });
  wire.cut();
  await offline(seat(1));
  wire.mend();
  await page.locator('.divider', { hasText: 'Some messages are missing here' }).first().waitFor();
  await write(seat(1), own('after'));
  await arrived(seat(1), own('after')).waitFor();
  assert.equal(await page.locator('.divider', { hasText: 'missing' }).count(), 1);
});

test('where storage is forbidden it works, and says what is lost', async () => {
  const script = 'Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })';
  const shy = await open(browser, `${wire.url}/demo/chat/`, { script });
  await online(seat(1, shy.page));
  await seat(1, shy.page).locator('.notice', { hasText: 'keeps nothing' }).waitFor();
  await write(seat(1, shy.page), own('from memory'));
  await arrived(seat(1), own('from memory')).waitFor();
  assert.deepEqual(shy.complaints, []);
  await shy.page.context().close();
});

test('one person or two is remembered, and who leaves takes the stream along', async () => {
  await page.getByText('One person').click();
  await seat(2).waitFor({ state: 'detached' });
  await page.reload();
  await online(seat(1));
  assert.equal(await page.locator('.pane').count(), 1);
  await page.getByText('Two people').click();
  await online(seat(2));
});

/** All that there was is on the page. */
const arrivedAll = (pane) => pane.locator('.scroll[aria-live="polite"]').waitFor();
