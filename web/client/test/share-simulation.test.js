// Many tabs, and all that happens to them, in an order that a seed gives. Each tab's record is checked against what was
// published. A failure names its seed; `HEADWATER_SEED=7` runs that one alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chance, World } from './share-world.js';

const SEEDS = process.env.HEADWATER_SEED ? [Number(process.env.HEADWATER_SEED)] : Array.from({ length: 200 }, (_, index) => index + 1);
const STEPS = 120;
const MAX_TABS = 10;
const TOPICS = ['/a', '/b', '/c', '/d', '/e'];
/** For all that heals by itself: a crashed leader, back-off, pings of hidden tabs, polls until a stream is tried. */
const RECOVERY = 900_000;
/** Where several streams in a row were swallowed, the next one is tried within an hour. */
const TRIAL = 3_600_000;

class Run {
  world;
  #pick;
  /** @type {any[]} */
  tabs = [];
  log = [];

  constructor(seed) {
    this.world = new World(seed);
    const luck = chance(seed * 7919);
    this.#pick = (list) => list[Math.floor(luck() * list.length)];
  }

  note(what, tab) {
    this.log.push(`${Math.round(this.world.clock.now)} ${what}${tab ? ` ${tab.name}` : ''}`);
  }

  open(cursor = '') {
    const own = `/own/${this.tabs.length}`;
    const topics = new Set([this.#pick(TOPICS), this.#pick(TOPICS), own]);
    const tab = this.world.open({ topics: [...topics], cursor, retry: 200 });
    tab.name = `tab${this.tabs.length}`;
    this.note(`open ${[...topics]} ${cursor}`, tab);
    /** Per topic: since which offset it must be had, and up to which. As [from, to][]. */
    tab.wanted = new Map();
    tab.record = [];
    tab.since = cursor === '' ? null : cursor === 'earliest' ? 0 : Number(cursor.split('-')[1]);
    for (const topic of topics) tab.wanted.set(topic, [[tab.since ?? Infinity, Infinity]]);
    tab.source.addEventListener('open', () => {
      if (tab.since !== null) return;
      tab.since = this.world.hub.head;
      for (const spans of tab.wanted.values()) for (const span of spans) if (span[0] === Infinity) span[0] = tab.since;
    });
    const isLoop = this.#pick([true, false]);
    if (isLoop) this.#loop(tab);
    tab.source.addEventListener('message', ({ data, selectors }) => {
      const offset = Number(data);
      if (!isLoop) tab.record.push(offset);
      const { topics: of } = this.world.hub.events[offset - 1];
      assert.ok(of.some((topic) => tab.source.topics.includes(topic)), `${tab.name} got ${offset}, which it did not ask for`);
      assert.ok(selectors.every((one) => tab.source.topics.includes(one)));
    });
    tab.source.addEventListener('gap', () => assert.fail(`${tab.name}: the hub holds everything`));
    tab.source.addEventListener('error', (event) => event.retryIn ?? assert.fail(`${tab.name}: ${event.message}`));
    this.tabs.push(tab);
    return tab;
  }

  /** Its application is slow at times. */
  async #loop(tab) {
    for await (const { data } of tab.source) {
      tab.record.push(Number(data));
      const wait = this.#pick([0, 0, 0, 0, 100, 2_000]);
      if (wait > 0) await new Promise((go) => this.world.clock.at(this.world.clock.now + wait, () => tab.gate(go)));
    }
  }

  /** A step of the run. */
  async step() {
    const { world } = this;
    const running = this.tabs.filter((tab) => tab.running && !tab.closed);
    const stopped = this.tabs.filter((tab) => !tab.gone && !tab.running);
    const tab = this.#pick(running);
    const what = this.#pick([
      'publish', 'publish', 'publish', 'publish', 'burst', 'burst', 'burst', 'open', 'open', 'close', 'end', 'crash',
      'swallow', 'lapse', 'freeze', 'hang', 'thaw', 'thaw', 'away', 'rob', 'cut', 'down', 'restart', 'topic', 'topic', 'hide',
      'nudge', 'reload', 'beat', 'wait',
    ]);
    if (what === 'publish') this.publish(1);
    else if (what === 'burst') this.publish(30);
    else if (what === 'cut') world.hub.cut();
    else if (what === 'restart') world.hub.restart();
    else if (what === 'beat') world.hub.beat();
    else if (what === 'swallow') world.hub.swallows = !world.hub.swallows;
    else if (what === 'down') {
      world.hub.down = !world.hub.down;
      world.hub.cut();
    } else if (what === 'rob') for (const name of world.locks.names()) world.locks.rob(name);
    else if (what === 'open' && running.length + stopped.length < MAX_TABS) this.open(this.#pick(['', '', 'earliest']));
    else if (what === 'thaw' && stopped.length > 0) this.thaw(this.#pick(stopped));
    else if (what === 'wait') await world.pass(this.#pick([1_000, 8_000, 30_000, 100_000]));
    else if (tab) await this.toTab(what, tab);
    this.note(what, tab);
    await world.pass(this.#pick([0, 1, 5, 20, 100, 1_000]));
  }

  async toTab(what, tab) {
    const { source } = tab;
    if (what === 'close' || what === 'reload') {
      const { cursor } = source;
      this.sleep(tab);
      this.end(tab);
      if (what === 'reload') this.open(cursor);
    } else if (what === 'end') {
      source.close();
      tab.closed = true;
    } else if (what === 'crash') {
      this.end(tab);
    } else if (what === 'freeze' || what === 'away') {
      this.sleep(tab);
      tab.stop();
    } else if (what === 'hang' || what === 'lapse') {
      tab.hung = true;
      tab.stop();
      // Longer than it takes to be taken for crashed, and for its topic to go.
      if (what === 'lapse') await this.#lapse(tab);
    } else if (what === 'hide') {
      tab.hidden = !tab.hidden;
      if (!tab.hidden) tab.life('nudge');
    } else if (what === 'nudge') {
      tab.life('nudge');
    } else if (what === 'topic') {
      this.change(tab);
    }
  }

  async #lapse(tab) {
    const { world } = this;
    await world.pass(this.#pick([250_000, 400_000]));
    world.hub.publish(`/own/${this.tabs.indexOf(tab)}`);
    this.publish(1);
    await world.pass(1_000);
    this.thaw(tab);
  }

  sleep(tab) {
    tab.life('sleep');
  }

  end(tab) {
    tab.crash();
    tab.last = this.world.hub.head;
  }

  thaw(tab) {
    tab.go();
    if (!tab.hung) tab.life('wake');
    tab.hung = false;
  }

  change(tab) {
    const { head } = this.world.hub;
    const topic = this.#pick(TOPICS);
    const spans = tab.wanted.get(topic) ?? [];
    if (tab.source.topics.includes(topic)) {
      tab.source.unsubscribe(topic);
      spans.at(-1)[1] = head;
    } else {
      tab.source.subscribe(topic);
      spans.push([tab.since === null ? Infinity : head, Infinity]);
    }
    tab.wanted.set(topic, spans);
  }

  publish(count) {
    for (let index = 0; index < count; index += 1) {
      const own = `/own/${this.#pick([...this.tabs.keys()])}`;
      this.world.hub.publish(...new Set([this.#pick(TOPICS), this.#pick([...TOPICS, own])]));
    }
  }

  /** Everyone comes back, and what was published is everywhere. */
  async settle() {
    const { world } = this;
    world.hub.down = world.hub.swallows = false;
    for (const tab of this.tabs) {
      tab.hidden = false;
      if (!tab.gone && !tab.running) this.thaw(tab);
      else if (!tab.gone) tab.life('nudge');
    }
    await world.pass(RECOVERY);
    for (let waited = 0; world.hub.streams === 0 && waited < TRIAL; waited += 60_000) await world.pass(60_000);
    this.publish(3);
    await world.pass(20_000);
  }

  check() {
    const { hub, locks } = this.world;
    const alive = this.tabs.filter((tab) => !tab.gone && !tab.closed && tab.source.topics.length > 0);
    for (const tab of this.tabs) {
      const { record, wanted } = tab;
      assert.deepEqual(record, [...new Set(record)].sort((a, b) => a - b), `${tab.name}: in order, each once`);
      assert.deepEqual(tab.warned, []);
      if (tab.closed && !tab.gone) {
        assert.equal(tab.lines.size, 0, `${tab.name} is closed, and has a request`);
        assert.ok(!locks.names().some((name) => locks.holder(name) === tab), `${tab.name} is closed, and has the lock`);
      }
      if (tab.gone || tab.closed) continue;
      const has = new Set(record);
      // What it stayed with to the end it has in full. What it has given up since may have been on its way.
      const missing = hub.events.filter(({ offset, topics }) => !has.has(offset)
        && topics.some((topic) => wanted.get(topic)?.some(([from, to]) => offset > from && to === Infinity)));
      assert.deepEqual(missing.map(({ offset }) => offset), [], `${tab.name} misses some`);
      if (tab.source.topics.length > 0) assert.equal(tab.source.readyState, 1, `${tab.name} is open`);
    }
    if (alive.length === 0) return;
    assert.equal(hub.streams, 1, 'one connection');
    assert.deepEqual(alive.map(({ source }) => source.sharing.tabs), alive.map(() => alive.length));
    const leads = alive.filter(({ source }) => source.sharing.leader);
    assert.deepEqual(leads, [locks.holder(locks.names()[0])], 'one leads: who has the lock');
  }
}

test(`${SEEDS.length} random runs of ten tabs: none loses an event or has one twice`, async (t) => {
  let events = 0;
  let dispatched = 0;
  for (const seed of SEEDS) {
    const run = new Run(seed);
    try {
      run.open();
      for (let step = 0; step < STEPS; step += 1) await run.step();
      await run.settle();
      run.check();
    } catch (error) {
      const log = SEEDS.length === 1 ? `\n${run.log.join('\n')}` : '';
      throw new Error(`HEADWATER_SEED=${seed}: ${error.message}${log}`, { cause: error });
    }
    events += run.world.hub.head;
    for (const { record } of run.tabs) dispatched += record.length;
  }
  t.diagnostic(`${events} events published, ${dispatched} dispatched`);
});
