// Chromium as people have it, over the Chrome DevTools Protocol: tabs that hide each other, that freeze, crash, and rest in the
// back-forward cache. Playwright's own flags rule that out, and nothing but a pipe is needed here.

import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './hub.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const ARGS = [
  '--headless', '--remote-debugging-pipe', '--no-first-run', '--no-default-browser-check', '--password-store=basic',
  // Tests run as root, and in containers with little shared memory.
  '--no-sandbox', '--disable-dev-shm-usage',
  // Nothing goes to the network that no test asked for.
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic',
];
/** For what a busy machine does in its own time. */
const PATIENCE = 30_000;

/** Commands out, answers and events in: JSON, each with a NUL behind it. */
class Pipe {
  #out;
  #asked = new Map();
  #sessions = new Map();
  #last = 0;
  #rest = [];

  constructor(out, incoming) {
    this.#out = out;
    out.on('error', () => {});
    incoming.on('data', (chunk) => this.#read(chunk));
    incoming.on('close', () => this.#drop(() => true, 'the browser ended'));
  }

  /** @returns {Promise<any>} what it answers */
  send(method, params = {}, sessionId = undefined) {
    if (!this.#out.writable) return Promise.reject(new Error(`${method}: the browser ended`));
    const id = (this.#last += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { method, sessionId, resolve, reject });
      this.#out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** @param {EventEmitter} session gets the events of this session, by their names */
  listen(sessionId, session) {
    this.#sessions.set(sessionId, session);
  }

  /** The page of the session is gone: it answers no more. */
  drop(sessionId, why) {
    this.#drop((asked) => asked.sessionId === sessionId, why);
  }

  #end(sessionId) {
    this.drop(sessionId, 'the tab is closed');
    this.#sessions.get(sessionId)?.emit('closed');
    this.#sessions.delete(sessionId);
  }

  #drop(which, why) {
    for (const [id, asked] of this.#asked) {
      if (!which(asked)) continue;
      this.#asked.delete(id);
      asked.reject(new Error(`${asked.method}: ${why}`));
    }
  }

  #read(chunk) {
    for (let at; (at = chunk.indexOf(0)) >= 0; chunk = chunk.subarray(at + 1)) {
      this.#take(JSON.parse(Buffer.concat([...this.#rest, chunk.subarray(0, at)]).toString()));
      this.#rest = [];
    }
    this.#rest.push(chunk);
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      this.#sessions.get(sessionId)?.emit(method, params);
      if (method === 'Target.detachedFromTarget') this.#end(params.sessionId);
      return;
    }
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) asked?.reject(new Error(`${asked.method}: ${error.message}`));
    else asked?.resolve(result);
  }
}

export class Browser {
  #process;
  #pipe;
  #profile = mkdtempSync(join(tmpdir(), 'headwater-chromium-'));
  /** The tab that it starts with. */
  #blank;

  /** @param {...string} args more flags */
  static async launch(...args) {
    const browser = new Browser(args);
    const first = async () => (await browser.send('Target.getTargets')).targetInfos.find(({ type }) => type === 'page');
    browser.#blank = (await until(first, PATIENCE)).targetId;
    return browser;
  }

  constructor(args) {
    this.#process = spawn(CHROMIUM, [...ARGS, `--user-data-dir=${this.#profile}`, ...args, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    // It ends by itself when the pipe does, should this process be killed; only its profile would stay.
    process.once('exit', () => {
      this.#process.kill('SIGKILL');
      try {
        rmSync(this.#profile, { recursive: true, force: true });
      } catch {
        // A helper of its own is still writing there.
      }
    });
    this.#process.once('error', () => {});
    this.#pipe = new Pipe(this.#process.stdio[3], this.#process.stdio[4]);
  }

  send(method, params) {
    return this.#pipe.send(method, params);
  }

  /** A new tab, in front of the others; what `url` shows has been loaded. */
  async tab(url = 'about:blank') {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, this.#pipe, targetId, sessionId);
    await Promise.all(['Page', 'Runtime', 'Network', 'Log', 'Inspector'].map((domain) => tab.send(`${domain}.enable`)));
    if (url !== 'about:blank') await tab.goto(url);
    return tab;
  }

  /** Looks at that tab, or at an empty one: the others are hidden. */
  async front(targetId = this.#blank) {
    await this.send('Target.activateTarget', { targetId });
  }

  async close() {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.send('Browser.close').catch(() => {});
    const late = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE);
    await exited;
    clearTimeout(late);
    // A helper of its own that lingers may hold their other ends.
    for (const pipe of this.#process.stdio) pipe?.destroy();
    // Its last helpers may still be writing.
    await until(() => rm(this.#profile, { recursive: true, force: true }).then(() => true), PATIENCE);
  }
}

/** Emits what the protocol calls events: `tab.on('Page.frameNavigated', …)`. */
export class Tab extends EventEmitter {
  #browser;
  #pipe;
  #targetId;
  #sessionId;
  /** What the page, and the browser about it, said on the console: `{ level, text }`. */
  console = [];
  /** What nobody caught, and what was reported with `reportError`, as text. */
  exceptions = [];
  crashed = false;

  constructor(browser, pipe, targetId, sessionId) {
    super();
    this.setMaxListeners(0);
    this.#browser = browser;
    this.#pipe = pipe;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
    pipe.listen(sessionId, this);
    this.on('Runtime.consoleAPICalled', ({ type, args }) => {
      this.console.push({ level: type, text: args.map(({ value, description }) => value ?? description).join(' ') });
    });
    this.on('Log.entryAdded', ({ entry: { level, text, url } }) => this.console.push({ level, text: `${text} ${url ?? ''}` }));
    this.on('Runtime.exceptionThrown', ({ exceptionDetails }) => this.exceptions.push(describe(exceptionDetails)));
    this.on('Inspector.targetCrashed', () => {
      this.crashed = true;
      pipe.drop(sessionId, 'the page crashed');
    });
  }

  send(method, params) {
    return this.#pipe.send(method, params, this.#sessionId);
  }

  /**
   * Runs a function in the page, which sees none of this module's variables: what it needs are its arguments.
   *
   * @param {(...args: any[]) => any} run
   * @returns {Promise<any>} what it returns, or what the promise that it returns is fulfilled with
   */
  async evaluate(run, ...args) {
    if (this.crashed) throw new Error('the page crashed');
    const expression = `(${run})(...${JSON.stringify(args)})`;
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression, awaitPromise: true, returnByValue: true, userGesture: true,
    });
    if (exceptionDetails) throw new Error(describe(exceptionDetails));
    return result.value;
  }

  /** Runs the function again and again until its answer is true, which is returned. */
  until(run, ...args) {
    return until(() => this.evaluate(run, ...args), PATIENCE, `${run} of ${JSON.stringify(args)}`);
  }

  /** Loads the page. */
  async goto(url) {
    const loaded = this.#event('Page.loadEventFired');
    this.crashed = false;
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  async reload() {
    const loaded = this.#event('Page.loadEventFired');
    await this.send('Page.reload');
    await loaded;
  }

  /**
   * Goes back by one page. The page knows itself whether it is new or as it was left: `pageshow`'s `persisted`.
   *
   * @returns {Promise<string>} why it was made anew; empty when it came out of the back-forward cache
   */
  async back() {
    const { entries, currentIndex } = await this.send('Page.getNavigationHistory');
    const reasons = [];
    const note = ({ notRestoredExplanations }) => reasons.push(...notRestoredExplanations.map(({ reason }) => reason));
    this.on('Page.backForwardCacheNotUsed', note);
    const navigated = this.#event('Page.frameNavigated', ({ frame }) => frame.parentId === undefined);
    await this.send('Page.navigateToHistoryEntry', { entryId: entries[currentIndex - 1].id });
    const { type } = await navigated;
    await this.until(() => document.readyState === 'complete');
    this.off('Page.backForwardCacheNotUsed', note);
    return type === 'BackForwardCacheRestore' ? '' : reasons.join() || type;
  }

  /** Looks at this tab, which hides the others. */
  async show() {
    // From another one: a tab that was frozen, which hid it, may be in front already, and would stay hidden.
    await this.#browser.front();
    await this.#browser.front(this.#targetId);
    await this.until(() => document.visibilityState === 'visible');
  }

  async hide() {
    await this.#browser.front();
    await this.until(() => document.visibilityState === 'hidden');
  }

  /**
   * Hides and freezes it, as the browser does with hidden tabs to save memory and power. No task runs in it, but `evaluate`
   * still does. After `thaw` it runs, and is hidden.
   */
  async freeze() {
    await this.send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  async thaw() {
    await this.send('Page.setWebLifecycleState', { state: 'active' });
  }

  /** For requests to come, and what `navigator.onLine` says. Streams that are open flow on: cut those at the server's side. */
  async offline(offline) {
    await this.send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }

  /** Ends its process as a fault would: no event is dispatched in the page, no lock is released in order. */
  async crash() {
    const crashed = this.#event('Inspector.targetCrashed');
    this.send('Page.navigate', { url: 'chrome://crash' }).catch(() => {});
    await crashed;
  }

  /** As the cross on the tab does, without asking the page. */
  async close() {
    const closed = this.#event('closed');
    await this.#browser.send('Target.closeTarget', { targetId: this.#targetId });
    await closed;
  }

  /** The next event of that name. */
  #event(name, which = () => true) {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.off(name, take);
      };
      const take = (params) => {
        if (!which(params)) return;
        done();
        resolve(params);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`no ${name} within ${PATIENCE} ms`));
      }, PATIENCE);
      this.on(name, take);
    });
  }
}

/** @returns {string} with the stack, if there is one */
const describe = ({ exception, text }) => exception?.description ?? `${text} ${JSON.stringify(exception?.value) ?? ''}`.trim();
