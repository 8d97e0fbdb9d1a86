// Whatever a server, a page or a browser does that is not as it should be has an outcome that is written down.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Browser } from './cdp.js';
import { Hub, Wire } from './hub.js';
import { failed, follow, opened, seen, Site } from './site.js';

const STREAM = { 'Content-Type': 'text/event-stream' };

let browser;
let site;
let hub;
let wire;
let tab;
before(async () => {
  [browser, site, hub] = await Promise.all([Browser.launch(), Site.start(), Hub.start()]);
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
  wire.requests.length = 0;
});
afterEach(() => tab.close());

/** Has the site answer under `/here`, and counts how often. */
function serve(answer) {
  const served = { count: 0 };
  site.answer = (request, response, { pathname }) => {
    if (pathname !== '/here') return false;
    served.count += 1;
    answer(response);
    return true;
  };
  return served;
}

const warnings = () => tab.console.filter(({ level }) => level === 'warning').map(({ text }) => text);

test('a listener that throws, or rejects, is an error of the page, and the stream goes on', async () => {
  await follow(tab, wire.url, { topics: ['/throws'] });
  await tab.evaluate(() => {
    globalThis.source.addEventListener('message', () => {
      throw new Error('thrown');
    });
    globalThis.source.addEventListener('message', async () => {
      throw new Error('rejected');
    });
    globalThis.source.addEventListener('message', ({ data }) => globalThis.log.push({ what: `after ${data}` }));
  });
  await opened(tab);
  for (const data of ['1', '2']) await hub.publish('/throws', data);
  assert.deepEqual(await seen(tab, '2'), ['1', '2']);
  assert.deepEqual(await tab.evaluate(() => globalThis.log.map(({ what }) => what)), ['open', 'after 1', 'after 2']);
  const errors = tab.exceptions.map((text) => text.match(/thrown|rejected/)?.[0]);
  assert.deepEqual(errors.sort(), ['rejected', 'rejected', 'thrown', 'thrown']);
});

test('data that is not JSON is an error that names the event', async () => {
  await follow(tab, wire.url, { topics: ['/json'] });
  await tab.evaluate(() => globalThis.source.addEventListener('message', (event) => globalThis.log.push(event.json())));
  await opened(tab);
  await hub.publish('/json', '{"a": 1', { id: 'urn:broken' });
  await hub.publish('/json', '{"a": 2}');
  await tab.until(() => globalThis.log.at(-1).a === 2);
  assert.equal(tab.exceptions.length, 1);
  assert.match(tab.exceptions[0], /^SyntaxError: .*urn:broken.*not JSON/);
});

test('a server that answers with a page of HTML is left for good', async () => {
  const served = serve((response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Sign in</h1>'));
  await follow(tab, '/here', {});
  const { kind, message, retryIn } = await failed(tab);
  assert.deepEqual([kind, retryIn], ['content-type', null]);
  assert.match(message, /text\/html/);
  assert.deepEqual([await tab.evaluate(() => globalThis.source.readyState), served.count], [2, 1]);
});

test('a server that answers 204 wants no more: a loop ends', async () => {
  const served = serve((response) => response.writeHead(204).end());
  await follow(tab, '/here', {});
  const { kind, retryIn } = await failed(tab);
  assert.deepEqual([kind, retryIn], ['dismissed', null]);
  const count = await tab.evaluate(async () => {
    const { Source } = await import('/client/index.js');
    let events = 0;
    for await (const _ of new Source('/here')) events += 1;
    return events;
  });
  assert.deepEqual([count, served.count], [0, 2]);
});

test('an endless line is cut off at its limit, for good, and the server is rid of it', async () => {
  let closed;
  let sent = 0;
  serve((response) => {
    closed = once(response, 'close');
    response.writeHead(200, STREAM).write('data: ');
    const more = () => {
      do sent += 65_536;
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  await follow(tab, '/here', {});
  const { kind, message, retryIn } = await failed(tab);
  assert.deepEqual([kind, retryIn], ['limit', null]);
  assert.match(message, /line/);
  await closed;
  assert.ok(sent > 16 << 20, `${sent} bytes`);
  assert.deepEqual(await tab.evaluate(() => globalThis.seen), []);
});

test('a clock that jumps: back is nothing, forward costs a reconnection at most, and no event', async () => {
  await tab.evaluate(() => {
    const { now } = Date;
    globalThis.jump = 0;
    Date.now = () => now() + globalThis.jump;
  });
  await follow(tab, wire.url, { topics: ['/clock'] });
  await opened(tab);
  const jump = (by) => tab.evaluate((hours) => (globalThis.jump += hours * 3_600_000), by);
  const exchange = async (data) => {
    await hub.publish('/clock', data);
    await seen(tab, data);
  };
  await jump(-24);
  await exchange('1');
  await tab.hide();
  await tab.show();
  await exchange('2');
  assert.equal(wire.streams.length, 1);
  await jump(48);
  await exchange('3');
  // Looked at again, the page believes that the machine has slept.
  await tab.hide();
  await tab.show();
  await exchange('4');
  assert.equal(wire.streams.length, 2);
  assert.deepEqual(await tab.evaluate(() => globalThis.seen), ['1', '2', '3', '4']);
});

test('storage that is full costs the cursor of a reload, which is said once, and not the stream', async () => {
  await tab.evaluate(() => {
    for (let size = 1 << 20; size > 0; size >>= 1) {
      try {
        for (let n = 0; ; n += 1) sessionStorage.setItem(`${size} ${n}`, 'x'.repeat(size));
      } catch {
        // Less, then.
      }
    }
  });
  await follow(tab, wire.url, { topics: ['/full'], store: 'feed' });
  await opened(tab);
  for (const data of ['1', '2']) await hub.publish('/full', data);
  assert.deepEqual(await seen(tab, '2'), ['1', '2']);
  assert.equal(warnings().length, 1, String(warnings()));
  assert.match(warnings()[0], /cannot keep the cursor/);
  await tab.reload();
  await follow(tab, wire.url, { topics: ['/full'], store: 'feed' });
  await opened(tab);
  await hub.publish('/full', '3');
  assert.deepEqual(await seen(tab, '3'), ['3']);
});

test('in a sandbox, where storage and locks are forbidden, the stream works, and what does not is said once', async () => {
  site.answer = (_, response, { pathname }) => {
    if (pathname !== '/sandbox') return false;
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(`<script type="module">
      console.warn = (text) => parent.postMessage(['warning', text], '*');
      const { Source } = await import('/client/index.js');
      const source = new Source('${wire.url}', { topics: ['/sandbox'], store: 'feed' });
      source.onopen = () => parent.postMessage(['open', origin], '*');
      source.onmessage = ({ data }) => parent.postMessage(['message', data], '*');
    </script>`);
    return true;
  };
  await tab.evaluate(() => {
    globalThis.told = [];
    addEventListener('message', ({ data }) => globalThis.told.push(data));
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', 'allow-scripts');
    frame.src = '/sandbox';
    document.body.append(frame);
  });
  const told = (what) => tab.until((name) => globalThis.told.find(([each]) => each === name), what);
  assert.deepEqual(await told('open'), ['open', 'null']);
  await hub.publish('/sandbox', 'here');
  assert.deepEqual(await told('message'), ['message', 'here']);
  const warned = await tab.evaluate(() => globalThis.told.filter(([what]) => what === 'warning'));
  assert.equal(warned.length, 1, String(warned));
  assert.match(warned[0][1], /cannot keep the cursor/);
});

test('two versions of the library on one page: two streams, one page id, and each its own cursor', async () => {
  const begin = () => tab.evaluate(async (url) => {
    const versions = await Promise.all(['/client/index.js', '/older/client/index.js'].map((path) => import(path)));
    if (versions[0].Source === versions[1].Source) throw new Error('that is one version');
    globalThis.got = [[], []];
    await Promise.all(versions.map(({ Source }, index) => new Promise((resolve) => {
      const source = new Source(url, { topics: ['/versions'], store: `feed ${index}` });
      source.onmessage = ({ data }) => globalThis.got[index].push(data);
      source.onopen = resolve;
    })));
  }, wire.url);
  const got = async (data) => {
    await tab.until((last) => globalThis.got.every((list) => list.includes(last)), data);
    return tab.evaluate(() => globalThis.got);
  };
  await begin();
  await hub.publish('/versions', '1');
  assert.deepEqual(await got('1'), [['1'], ['1']]);
  const keys = () => tab.evaluate(() => Object.keys(sessionStorage).sort());
  const before = await keys();
  assert.equal(before.filter((key) => key.includes('cursor')).length, 2);
  wire.cut();
  await hub.publish('/versions', '2');
  await tab.reload();
  wire.mend();
  await begin();
  assert.deepEqual(await got('2'), [['2'], ['2']]);
  assert.deepEqual(await keys(), before);
  assert.deepEqual([tab.exceptions, warnings()], [[], []]);
});
