// A reload goes on where the page was; a duplicated tab does not.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Source } from '@headwater/client';
import { event, HUB, mark, settled, World } from './world.js';

/** A tab's page: its storage and its locks outlive it, its module state does not. */
class Page extends World {
  constructor(stored = new Map(), held = new Set()) {
    super();
    delete globalThis[Symbol.for('headwater:page')];
    this.stored = stored;
    this.locked = held;
    this.mine = [];
  }

  get outside() {
    return {
      ...super.outside,
      luck: Math.random,
      locks: {
        request: (name, { signal }, use) => new Promise((_, reject) => {
          const take = () => {
            if (this.locked.has(name)) return false;
            this.locked.add(name);
            this.mine.push(name);
            use({ name });
            return true;
          };
          if (take()) return;
          const waiting = setInterval(() => take() && clearInterval(waiting), 1);
          signal.addEventListener('abort', () => {
            clearInterval(waiting);
            reject(signal.reason);
          });
        }),
      },
    };
  }

  leave() {
    for (const name of this.mine) this.locked.delete(name);
  }

  /** A source with a store, and the cursor it asks for first. */
  async begin(options) {
    const { source, seen } = await this.source(HUB, { topics: ['*'], store: 'feed', ...options });
    return { source, seen, asked: this.last?.cursor };
  }
}

afterEach(() => delete globalThis[Symbol.for('headwater:page')]);

test('a reload goes on, once the former page has let go', async () => {
  const page = new Page();
  assert.equal((await page.begin({ cursor: 'earliest' })).asked, 'earliest');
  await (await page.last.open()).send(mark(1) + event(2));
  const reloaded = new Page(page.stored, page.locked);
  const { source } = await reloaded.begin({ cursor: 'earliest' });
  assert.equal(reloaded.requests.length, 0, 'the lock is still held');
  page.leave();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await settled();
  assert.deepEqual([reloaded.last.cursor, source.cursor], ['#a-2', '#a-2']);
});

test('a duplicated tab finds its page held, and starts fresh', async () => {
  const page = new Page();
  await page.begin();
  await (await page.last.open()).send(event(2));
  const copy = new Page(new Map(page.stored), page.locked);
  await copy.begin({ cursor: 'earliest' });
  await copy.pass(3_000);
  assert.equal(copy.last.cursor, 'earliest');
  await (await copy.last.open()).send(event(9));
  copy.leave();
  assert.equal((await new Page(copy.stored, copy.locked).begin()).asked, '#a-9');
});

test('it is written after the listeners returned, and with a loop after the loop is through', async () => {
  const page = new Page();
  const { source } = await page.begin();
  const kept = () => [...page.stored].find(([key]) => key.startsWith('headwater:cursor:'))?.[1];
  const during = [];
  source.onmessage = () => during.push([source.cursor, kept()]);
  const stream = await page.last.open();
  await stream.send(event(1));
  await stream.send(event(2));
  assert.deepEqual(during, [['#a-1', undefined], ['#a-2', '#a-1']]);
  assert.equal(kept(), '#a-2');
  const loop = source[Symbol.asyncIterator]();
  await stream.send(event(3) + event(4));
  await loop.next();
  assert.equal(kept(), '#a-2');
  await loop.next();
  assert.equal(kept(), '#a-3');
});

test('without locks the storage is believed; two names are two places', async () => {
  const page = new World();
  delete globalThis[Symbol.for('headwater:page')];
  await page.source(HUB, { topics: ['*'], store: 'one' });
  await (await page.last.open()).send(event(5));
  const reloaded = new World();
  reloaded.stored = page.stored;
  delete globalThis[Symbol.for('headwater:page')];
  await reloaded.source(HUB, { topics: ['*'], store: 'one' });
  assert.equal(reloaded.last.cursor, '#a-5');
  await reloaded.source(HUB, { topics: ['*'], store: 'two' });
  assert.equal(reloaded.last.cursor, null);
});

test('storage that is forbidden or full costs the cursor, not the stream, and is said once', async () => {
  for (const broken of ['getItem', 'setItem']) {
    const world = new World();
    delete globalThis[Symbol.for('headwater:page')];
    let writes = 0;
    const storage = { getItem: () => '1', setItem: () => {} };
    storage[broken] = () => {
      writes += 1;
      throw new DOMException('no', 'QuotaExceededError');
    };
    const outside = { ...world.outside, storage: () => storage };
    const source = new Source(HUB, { topics: ['*'], store: 'feed' }, outside);
    await settled();
    const stream = await world.last.open();
    await stream.send(event(1));
    await stream.send(event(2));
    assert.deepEqual([source.readyState, source.cursor, world.warned.length, writes], [1, '#a-2', 1, 1], broken);
  }
});

test('two versions of the library on one page are one page', async () => {
  const page = new Page();
  await page.begin();
  await (await page.last.open()).send(event(5));
  const { Source: Other } = await import('../index.js?another-version');
  const { Source: Third } = await import('../lib/source.js?another-version');
  assert.notEqual(Third, Source);
  assert.ok(Other);
  const second = new Third(HUB, { topics: ['*'], store: 'feed' }, page.outside);
  await settled();
  assert.equal(page.last.cursor, '#a-5', 'its lock is no other tab\'s');
  second.close();
});
