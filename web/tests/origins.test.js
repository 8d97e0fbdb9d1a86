// To other origins: cookies, preflights, redirects. Beside the browser's own EventSource where that can do the same.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Browser } from './cdp.js';
import { Hub, token, Wire } from './hub.js';
import { failed, follow, opened, seen, Site } from './site.js';

const COOKIE = 'mercureAuthorization';

let browser;
let site;
/** Admits the site's pages with cookies, and nobody without a token. */
let hub;
let wire;
let tab;
before(async () => {
  [browser, site] = await Promise.all([Browser.launch(), Site.start()]);
  hub = await Hub.serve('--cors-origin', site.url);
  wire = await Wire.to(hub.port);
});
after(async () => {
  await browser?.close();
  site?.stop();
  wire?.close();
  await hub?.stop();
});
beforeEach(async () => {
  tab = await browser.tab(site.url);
  site.answer = () => false;
  wire.port = hub.port;
  for (const { requests } of [site, wire]) requests.length = 0;
});
afterEach(() => tab.close());

/** Signs in: the hub's cookie, which no script of another host could read. */
async function signIn(grant) {
  const { success } = await tab.send('Network.setCookie', { name: COOKIE, value: token(grant), url: wire.url, httpOnly: true });
  assert.ok(success);
}

const signOut = () => tab.send('Network.clearBrowserCookies');

/** What comes of a native EventSource: `open`, or `error`. */
const native = (url, options) => tab.evaluate((address, settings) => new Promise((resolve) => {
  const source = new EventSource(address, settings);
  source.onopen = source.onerror = ({ type }) => {
    source.close();
    resolve(type);
  };
}), url, options);

const hubUrl = (topic) => `${wire.url}/.well-known/mercure?topic=${topic}`;

test('with credentials the cookie is sent to another origin, and brings what is private', async () => {
  await signIn({ subscribe: ['/mine'] });
  assert.equal(await native(hubUrl('/mine'), { withCredentials: true }), 'open');
  await follow(tab, wire.url, { topics: ['/mine'], withCredentials: true });
  await opened(tab);
  await hub.publish('/mine', 'secret', { private: 'on' });
  // Also over the second connection.
  wire.cut();
  await failed(tab);
  wire.mend();
  await hub.publish('/mine', 'another', { private: 'on' });
  assert.deepEqual(await seen(tab, 'another'), ['secret', 'another']);
  assert.deepEqual([...new Set(wire.requests.map(({ method }) => method))], ['GET'], 'without any preflight');
  await signOut();
});

test('without credentials the cookie stays here, and the hub refuses, which is final and says why', async () => {
  await signIn({ subscribe: ['/mine'] });
  assert.equal(await native(hubUrl('/mine'), {}), 'error');
  await follow(tab, wire.url, { topics: ['/mine'] });
  const { kind, status, message, retryIn } = await failed(tab);
  assert.deepEqual([kind, status, retryIn], ['refused', 401, null]);
  assert.match(message, /token/i);
  assert.equal(await tab.evaluate(() => globalThis.source.readyState), 2);
  assert.ok(wire.requests.every(({ headers }) => headers.cookie === undefined));
  await signOut();
});

test('a page that the hub does not admit gets nothing, cookie or not', async () => {
  await tab.goto(site.other);
  await signIn({ subscribe: ['/mine'] });
  assert.equal(await native(hubUrl('/mine'), { withCredentials: true }), 'error');
  await follow(tab, wire.url, { topics: ['/mine'], withCredentials: true });
  const { kind, retryIn } = await failed(tab);
  // A browser does not tell this from a network that is broken; so it is tried again.
  assert.deepEqual([kind, retryIn > 0], ['network', true]);
  await signOut();
});

test('a source asks for no more than a native one: no preflight, also with a cursor', async (t) => {
  const open = await Hub.serve('--cors-origin', '*', '--anonymous');
  t.after(() => open.stop());
  wire.port = open.port;
  wire.cut();
  wire.mend();
  await follow(tab, wire.url, { topics: ['/a'] });
  await opened(tab);
  for (const data of ['1', '2']) await open.publish('/a', data);
  await seen(tab, '2');
  wire.cut();
  await failed(tab);
  await open.publish('/a', '3');
  wire.mend();
  assert.deepEqual(await seen(tab, '3'), ['1', '2', '3']);
  assert.equal(wire.streams.length, 2);
  assert.deepEqual([...new Set(wire.requests.map(({ method }) => method))], ['GET']);
  assert.match(wire.streams[1].url.searchParams.get('lastEventID'), /^#/);
  assert.ok(wire.requests.every(({ headers }) => !('last-event-id' in headers)));
  // A token is a header, and the header needs a preflight: then the cursor may be one, too.
  await tab.evaluate(() => globalThis.source.close());
  wire.requests.length = 0;
  await follow(tab, wire.url, { topics: ['/a'], token: token({ subscribe: ['*'] }), cursor: 'earliest' });
  assert.deepEqual(await seen(tab, '3'), ['1', '2', '3']);
  assert.deepEqual(wire.requests.slice(0, 2).map(({ method, headers }) => [method, headers['last-event-id']]), [
    ['OPTIONS', undefined], ['GET', 'earliest'],
  ]);
});

test('a redirect to another origin leaves credentials behind', async (t) => {
  const elsewhere = await Site.start();
  t.after(() => elsewhere.stop());
  elsewhere.answer = (request, response) => {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream', 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': '*',
    }).end('data: here\n\n');
  };
  site.answer = (request, response, { pathname }) => {
    if (pathname !== '/moved') return false;
    response.writeHead(301, { Location: elsewhere.other }).end();
    return true;
  };
  await tab.send('Network.setCookie', { name: 'session', value: 'secret', url: elsewhere.other });
  await tab.send('Network.setCookie', { name: 'session', value: 'secret', url: site.url });
  const moved = `${site.url}/moved`;

  await follow(tab, moved, { token: 'secret', repeat: false });
  assert.deepEqual(await seen(tab, 'here'), ['here']);
  // Its end, which would be noted beside what the next one does.
  await failed(tab);
  const [before] = site.requests.filter(({ url }) => url.pathname === '/moved');
  assert.deepEqual([before.headers.authorization, before.headers.cookie], ['Bearer secret', 'session=secret']);
  const asked = elsewhere.requests.filter(({ method }) => method === 'GET');
  assert.deepEqual(asked.map(({ headers }) => [headers.authorization, headers.cookie]), [[undefined, undefined]]);

  // Browsers would carry a header of one's own along, so that is not followed.
  elsewhere.requests.length = 0;
  await follow(tab, moved, { headers: { 'X-Api-Key': 'secret' }, repeat: false });
  const { kind, retryIn } = await failed(tab);
  assert.deepEqual([kind, retryIn], ['network', null]);
  assert.deepEqual(elsewhere.requests, []);
  await signOut();
});
