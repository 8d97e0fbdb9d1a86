// The examples of the README, as they stand there, each against a small hub of its own. What shows that one works is in the
// comment behind it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Server } from './server.js';

// Node 20 has none. One tab has every lock.
globalThis.navigator ??= {};
globalThis.navigator.locks ??= { request: async (name, options, hold) => hold({ name }) };

const AsyncFunction = (async () => {}).constructor;
const folder = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', folder), 'utf8');
const examples = [...readme.matchAll(/```js\n([^]*?)```\n+(?:<!-- shown by:\n([^]*?)-->)?/g)];

test('there are examples, and each is shown to work', () => {
  assert.ok(examples.length >= 7, `${examples.length} examples`);
  for (const [, code, shown] of examples) assert.ok(shown, `nothing shows that this works:\n${code}`);
});

for (const [index, [, code, shown]] of examples.entries()) {
  test(`example ${index + 1}: ${code.split('\n').find((line) => !/^import|^$/.test(line))}`, async () => {
    const server = await Server.start();
    for (const data of ['one', 'done']) server.publish('/steps', data);
    server.intercept = (request, response) => {
      if (request.url !== '/chat') return false;
      return response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: Hel\n\ndata: lo\n\n');
    };
    const lines = [];
    let heard = () => {};
    const log = (...values) => {
      lines.push(values.join(' '));
      heard();
    };
    /** The next line that the example logs. */
    const logged = async () => {
      while (lines.length === 0) await new Promise((resolve) => (heard = resolve));
      return lines.shift();
    };
    // Imports become what they name, and the address is the hub's.
    const body = `${code}\n${shown}`
      .replace(/^import (\{[^}]*\}) from '@headwater\/client(?:\/(\w+))?';$/gm,
        (_, names, entry = 'index') => `const ${names} = await import('${new URL(`${entry}.js`, folder)}');`)
      .replaceAll('https://example.com', new URL(server.url).origin);
    try {
      const names = ['server', 'assert', 'once', 'console', 'logged'];
      await new AsyncFunction(...names, body)(server, assert, once, { log, warn: log }, logged);
    } finally {
      server.stop();
    }
  });
}
