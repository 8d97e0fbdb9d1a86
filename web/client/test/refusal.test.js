// What a server says when it refuses, in words, and when to come back.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { refusal } from '../lib/refusal.js';

test('a refusal has the reasons that the server gives, fit to be printed', async () => {
  const problem = { 'Content-Type': 'application/problem+json' };
  const text = { 'Content-Type': 'text/plain; charset=utf-8' };
  for (const [init, body, message] of [
    [{ status: 400, headers: problem }, '{"title":"No topic","detail":"Say what to subscribe to"}', '400 No topic: Say what to subscribe to'],
    [{ status: 400, headers: problem }, '{"title":"No topic","detail":5}', '400 No topic'],
    [{ status: 503, headers: problem }, '{"detail":"come\\u001b[31m back"}', '503 come [31m back'],
    [{ status: 403, headers: text }, 'No.\nNot today.', '403 No.'],
    [{ status: 403, headers: text }, 'x'.repeat(1_000), `403 ${'x'.repeat(200)}`],
    [{ status: 403, headers: text }, 'x'.repeat(100_000), '403 '],
    [{ status: 502, statusText: 'Bad Gateway', headers: { 'Content-Type': 'text/html' } }, '<h1>nginx</h1>', '502 Bad Gateway'],
    [{ status: 400, statusText: 'Bad Request', headers: problem }, 'null', '400 Bad Request'],
    [{ status: 404, statusText: 'Not Found' }, null, '404 Not Found'],
  ]) {
    const error = await refusal(new Response(body, init), 'text/event-stream');
    assert.deepEqual([error.kind, error.status, error.message], ['refused', init.status, message]);
  }
  const broken = new Response(new ReadableStream({ pull: () => Promise.reject(new Error('cut')) }), { status: 500, statusText: 'Oh' });
  assert.equal((await refusal(broken, 'text/plain')).message, '500 Oh');
});

test('Retry-After is seconds, or a date by the server\'s own clock, and at most an hour', async (t) => {
  const wall = Date.parse('Sun, 06 Nov 1994 08:49:37 GMT');
  t.mock.method(Date, 'now', () => wall);
  const asked = async (headers) => (await refusal(new Response('', { status: 503, headers }), 'text/plain')).retryAfter;
  for (const [value, date, want] of [
    ['7', undefined, 7_000],
    ['0', undefined, undefined],
    ['99999999', undefined, 3_600_000],
    ['-1', undefined, undefined],
    ['soon', undefined, undefined],
    ['1994-11-06T08:50:00Z', undefined, undefined],
    ['Sun, 06 Nov 1994 08:50:07 GMT', undefined, 30_000],
    ['Sun, 06 Nov 1994 08:49:07 GMT', undefined, undefined],
    ['Sun, 06 Nov 2094 08:49:37 GMT', undefined, 3_600_000],
    ['Sun, 06 Nov 1994 05:00:09 GMT', 'Sun, 06 Nov 1994 05:00:00 GMT', 9_000],
    ['Sun, 06 Nov 1994 08:50:07 GMT', 'nonsense', 30_000],
  ]) {
    assert.equal(await asked({ 'Retry-After': value, ...(date && { Date: date }) }), want, `${value} ${date}`);
  }
  assert.equal(await asked({}), undefined);
});

test('a proxy that refuses everything refuses the rest of the library, too: the status is told all the same, and is final', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'headwater-refused-'));
  cpSync(new URL('../', import.meta.url), folder, { recursive: true });
  rmSync(path.join(folder, 'lib/refusal.js'));
  const { EventSource, HeadwaterError } = await import(pathToFileURL(path.join(folder, 'index.js')).href);
  const fetch = async () => new Response('<h1>nginx</h1>', { status: 502, headers: { 'Content-Type': 'text/html' } });
  const source = new EventSource('http://server.test/', { fetch });
  const { error, retryIn } = await new Promise((resolve) => (source.onerror = resolve));
  const { readyState } = source;
  source.close();
  rmSync(folder, { recursive: true });
  assert.ok(error instanceof HeadwaterError);
  assert.deepEqual([error.kind, error.status, error.message, retryIn, readyState], ['refused', 502, '502', null, 2]);
});
