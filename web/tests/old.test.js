// The client library in a real browser: beside the browser's own EventSource on every wire vector, and with the page's life.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { bytes, cases } from '../client/test/vectors.js';
import { Server } from '../client/test/server.js';

const CLIENT = fileURLToPath(new URL('../client/', import.meta.url));
const streams = cases.flatMap((one) => (one.streams ?? [one.input]).map((text) => ({ name: `${one.file}: ${one.name}`, body: bytes(text) })));

let browser;
let page;
let site;
let hub;
let complaints;
before(async () => {
  hub = await Server.start();
  site = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site.test');
    if (pathname === '/') {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><title>Client</title>');
    } else if (pathname.startsWith('/client/')) {
      const file = await readFile(CLIENT + pathname.slice('/client/'.length)).catch(() => null);
      response.writeHead(file ? 200 : 404, { 'Content-Type': 'text/javascript' }).end(file);
    } else if (pathname.startsWith('/stream/')) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(streams[Number(pathname.slice('/stream/'.length))].body);
    } else {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  page = await browser.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
});
after(async () => {
  await browser?.close();
  site?.close();
  hub?.stop();
});

test('a listener that throws is an error of the page, and the stream goes on', async () => {
  complaints.length = 0;
  const index = streams.findIndex(({ body }) => new TextDecoder().decode(body).match(/data/g)?.length > 1);
  await page.evaluate((which) => import('/client/index.js').then(({ EventSource: Ours }) => new Promise((resolve) => {
    const source = new Ours(`/stream/${which}`);
    source.onmessage = () => {
      throw new Error('mine');
    };
    source.onerror = () => {
      source.close();
      resolve();
    };
  })), index);
  assert.ok(complaints.every((text) => text.includes('mine')) && complaints.length > 0, String(complaints));
});

test('to another origin: no preflight, also with a cursor; and a store survives a reload', async () => {
  hub.intercept = (request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    return false;
  };
  const begin = (url) => page.evaluate(async (address) => {
    const { Source } = await import('/client/index.js');
    window.seen = [];
    window.source = new Source(address, { topics: ['/a'], store: 'feed' });
    window.source.onmessage = ({ data }) => window.seen.push(data);
    await new Promise((resolve) => (window.source.onopen = resolve));
  }, url);
  const has = (data) => page.waitForFunction((text) => window.seen.join() === text, data);
  await begin(hub.url);
  hub.publish('/a', '1');
  hub.publish('/a', '2');
  await has('1,2');
  hub.cut();
  hub.publish('/a', '3');
  await has('1,2,3');
  await page.reload();
  hub.publish('/a', '4');
  await begin(hub.url);
  await has('4');
  assert.deepEqual([...new Set(hub.requests.map(({ method }) => method))], ['GET']);
  assert.ok(hub.requests.slice(1).every(({ url }) => url.searchParams.get('lastEventID').startsWith('#')));
});
