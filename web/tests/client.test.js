// The library beside the browser's own EventSource, on every wire vector.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bytes, cases } from '../client/test/vectors.js';
import { Browser } from './cdp.js';
import { Site } from './site.js';

/** Types that a decoder might make of the vectors' lines: an event is dispatched to those only who listen for its type. */
const TYPES = ['X', ' x', 'x ', 'x y', 'message ', 'é', '\ufffd', 'x\ufffd', '\ufffdx', '\t'];
/** After these, a reconnection would take its time. */
const isSlow = ({ items }) => items.some(({ retry }) => retry > 100);

let browser;
let site;
let tab;
before(async () => {
  [browser, site] = await Promise.all([Browser.launch(), Site.start()]);
  tab = await browser.tab(site.url);
});
after(async () => {
  await browser?.close();
  site?.stop();
});

test('native EventSource and ours give the same events, and resume with the same id, on every wire vector', async () => {
  // Each stream ends, and the reconnection gets the next one; at last 204, which means that there is no more.
  const all = cases.map((one) => ({ ...one, streams: ['retry: 1\n', ...(one.streams ?? [one.input])].map(bytes) }));
  const asked = new Map();
  site.answer = (request, response, { pathname }) => {
    const [, folder, kind, index] = pathname.split('/');
    if (folder !== 'stream') return false;
    const ids = asked.get(kind + index) ?? [];
    asked.set(kind + index, ids);
    const body = all[index].streams[ids.length];
    ids.push(request.headers['last-event-id'] ?? '');
    response.writeHead(body ? 200 : 204, { 'Content-Type': 'text/event-stream' }).end(body);
    return true;
  };
  const types = [...new Set([...TYPES, ...cases.flatMap(({ items }) => items.map(({ type = 'message' }) => type))])]
    .filter((type) => typeof type === 'string');
  const seen = await tab.evaluate(async (wanted, ends) => {
    const { EventSource: Ours } = await import('/client/index.js');
    const run = (Kind, url, errors) => new Promise((resolve) => {
      const source = new Kind(url);
      const events = [];
      for (const type of wanted) {
        source.addEventListener(type, ({ data, lastEventId, origin }) => events.push([type, data, lastEventId, origin]));
      }
      source.addEventListener('open', () => events.push('open'));
      source.addEventListener('error', (event) => {
        if ('data' in event) return;
        if ((errors -= 1) === 0) source.close();
        if (source.readyState === source.CLOSED) resolve(JSON.stringify(events));
      });
    });
    return Promise.all(ends.map((end, index) => Promise.all([
      run(EventSource, `/stream/native/${index}`, end), run(Ours, `/stream/ours/${index}`, end),
    ])));
  }, types, all.map((one) => (isSlow(one) ? one.streams.length : null)));
  const differ = all.filter((_, index) => seen[index][0] !== seen[index][1]
    || String(asked.get(`native${index}`)) !== String(asked.get(`ours${index}`)));
  // Chromium forgets the byte order mark when a blank line follows at once, and with it the first event. The standard does not.
  const names = differ.map(({ file, name }) => `${file}: ${name}`);
  assert.deepEqual(names.filter((name) => !/^bom.json: before a (blank line|lone CR)$/.test(name)), []);
  assert.ok(seen.filter(([native]) => native.includes('message')).length > 150, 'most of them dispatch something');
  assert.ok([...asked.values()].flat().filter(Boolean).length > 50, 'and many have an id');
});

test('the decoder reads every wire vector in Chromium, however the bytes are cut', async () => {
  const wrong = await tab.evaluate(async (all) => {
    const { misread } = await import('/client/test/conform.js');
    return all.map(misread).filter((result) => result !== undefined);
  }, cases);
  assert.deepEqual(wrong, []);
});
