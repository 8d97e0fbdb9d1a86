// What the tests need beside a browser: a hub of their own, and a wire to it that can be cut.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.HEADWATER_BIN ?? fileURLToPath(new URL('../../target/debug/headwater', import.meta.url));
/** Without what is for the tests: `serve` refuses settings that it does not know. */
const ENVIRONMENT = { ...process.env };
for (const name of ['HEADWATER_BIN', 'HEADWATER_SEED']) delete ENVIRONMENT[name];
const START_MS = 20_000;
const KEY = 'a key for tests, which nobody else uses';

// A test that takes too long is ended by a signal; what it started ends with it.
process.once('SIGTERM', () => process.exit(1));
// After the last listener, so without Node's own cleaning up: that waits for requests which no connection answers any more, at
// times for ever (Node 20, in some runs of those that reset many connections).
process.once('beforeExit', () => process.once('exit', () => process.exit()));

const base64url = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');

/**
 * A token as `Hub.serve` takes it.
 *
 * @param {{ publish?: string[], subscribe?: string[] }} grant
 * @param {number} life in seconds
 */
export function token(grant, life = 3_600) {
  const now = Date.now() / 1_000;
  const text = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ mercure: grant, iat: now, exp: now + life })}`;
  return `${text}.${createHmac('sha256', KEY).update(text).digest('base64url')}`;
}

/** `headwater dev`, or `serve`, on a port of its own, which stays the same when it is stopped and started. */
export class Hub {
  /** The system chooses it: one that a test found free may be somebody else's by then. */
  port = 0;
  #process;
  #output = '';
  /** @type {string[] | null} flags of `serve`; null: it is `dev` */
  #serve;
  /** @type {Promise<string> | null} what may publish */
  #token = null;
  /** History survives a stop, as it does for whoever tries things out. */
  #folder = mkdtempSync(join(tmpdir(), 'headwater-'));

  constructor(serve) {
    this.#serve = serve;
  }

  static start() {
    return Hub.#make(null);
  }

  /** `headwater serve` with these flags. It takes what `token` makes. */
  static serve(...flags) {
    return Hub.#make(flags);
  }

  static async #make(serve) {
    const hub = new Hub(serve);
    process.once('exit', () => {
      hub.#process?.kill('SIGKILL');
      rmSync(hub.#folder, { recursive: true, force: true });
    });
    await hub.start();
    return hub;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start() {
    // Each run of `dev` makes its own keys.
    this.#token = null;
    const before = this.#output.length;
    const flags = ['--listen', `127.0.0.1:${this.port}`, '--history', join(this.#folder, 'history')];
    this.#process = spawn(BINARY, [...(this.#serve ? ['serve', ...this.#serve] : ['dev']), ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'], env: { ...ENVIRONMENT, HEADWATER_PUBLISHER_KEY: KEY },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on('data', (chunk) => (this.#output += chunk));
    }
    const ended = new Promise((_, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code) => reject(new Error(`the hub ended with ${code}:\n${this.#output}`)));
    });
    ended.catch(() => {});
    const port = () => this.#output.slice(before).match(/ listening address=127\.0\.0\.1:(\d+)/)?.[1];
    this.port = Number(await Promise.race([ended, until(port, START_MS)]));
    await Promise.race([ended, until(() => fetch(`${this.url}/healthz`).then((answer) => answer.ok), START_MS)]);
  }

  async stop() {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
  }

  /** Publishes, and returns the update's id. */
  async publish(topic, data, more = {}) {
    this.#token ??= this.#serve
      ? Promise.resolve(token({ publish: ['*'] }))
      : fetch(`${this.url}/demo/config.json`).then((answer) => answer.json()).then((config) => config.token);
    const answer = await fetch(`${this.url}/.well-known/mercure`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${await this.#token}` },
      body: new URLSearchParams({ topic, data, ...more }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.text();
  }

  /** The next `count` events of the topic, from the earliest that the hub holds or after `cursor`; read without any browser. */
  async events(topic, count, cursor = 'earliest') {
    const abort = new AbortController();
    const url = `${this.url}/.well-known/mercure?topic=${encodeURIComponent(topic)}&lastEventID=${encodeURIComponent(cursor)}`;
    const answer = await fetch(url, { signal: abort.signal });
    const events = [];
    let text = '';
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        const field = (name) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
        if (field('data') !== undefined) events.push({ id: field('id'), data: field('data') });
      }
      if (events.length >= count) break;
    }
    abort.abort();
    return events.slice(0, count);
  }
}

/** A TCP proxy before the hub: what a network is to a browser, and as unreliable as a test wants it. */
export class Wire {
  #sockets = new Set();
  #server;
  /** @type {'up' | 'cut' | 'bad gateway'} */
  #is = 'up';
  /** Where new connections lead: a port, or a socket's path. */
  port;
  /** How many bytes of what is answered a new connection lets through before it ends. */
  allowance = () => Infinity;
  /** How long, in milliseconds, a new connection waits before anything gets through. */
  delay = 0;
  /** How often somebody was told that the server is away. */
  refused = 0;
  /** The requests that came, as { method, url, headers }: without bodies, and each in one piece, as browsers send them. */
  requests = [];

  /** Those of them that ask for a stream: beside one that is slow, a poll asks whether polls fare better. */
  get streams() {
    return this.requests.filter(({ headers }) => headers.accept === 'text/event-stream');
  }

  /** @param {number | string} port the hub's */
  static async to(port) {
    const wire = new Wire();
    wire.port = port;
    wire.#server = net.createServer((socket) => wire.#take(socket));
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    wire.#server.unref();
    wire.url = `http://127.0.0.1:${wire.#server.address().port}`;
    return wire;
  }

  /** How many connections browsers have through it. */
  get connections() {
    return this.#sockets.size / 2;
  }

  #take(socket) {
    if (this.#is === 'cut') {
      socket.resetAndDestroy();
      return;
    }
    if (this.#is === 'bad gateway') {
      socket.on('error', () => {});
      socket.once('data', () => {
        this.refused += 1;
        socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      });
      return;
    }
    const onward = net.connect(this.port, '127.0.0.1');
    // What a browser leaves open must not keep a test's process from its end.
    for (const each of [socket, onward]) each.unref();
    for (const [from, to] of [[socket, onward], [onward, socket]]) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    const begin = () => {
      socket.on('data', (chunk) => this.#note(chunk.toString('latin1')));
      socket.pipe(onward);
      this.#answer(onward, socket, this.allowance());
    };
    if (this.delay > 0) setTimeout(begin, this.delay);
    else begin();
  }

  #note(text) {
    const [, method, url, rest] = text.match(/^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n([^]*)/) ?? [];
    if (!method) return;
    const headers = Object.fromEntries(rest.split('\r\n').filter(Boolean).map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    this.requests.push({ method, url: new URL(url, this.url), headers });
  }

  #answer(from, to, allowance) {
    let left = allowance;
    from.on('data', (chunk) => {
      const some = chunk.subarray(0, Math.max(left, 0));
      left -= chunk.length;
      if (left <= 0) {
        to.end(some);
        from.destroy();
      } else if (!to.write(some)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => to.end());
  }

  /** Kills every connection; new ones are reset until `mend`. */
  cut() {
    this.#end('cut');
  }

  /** Kills every connection; new ones are answered as a proxy does whose server is away. */
  lose() {
    this.#end('bad gateway');
  }

  #end(is) {
    this.#is = is;
    // One that is ending cannot be reset any more: Node 20 would neither close it nor end the process. Nor can one to a path.
    for (const socket of this.#sockets) {
      if (socket.writableEnded || !socket.remoteFamily) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  mend() {
    this.#is = 'up';
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

/** Asks again until the answer is true. For what tells nobody when it happens, such as a port that opens. */
export async function until(question, within, text = question) {
  const deadline = Date.now() + within;
  for (let cause; ; ) {
    const answer = await Promise.resolve().then(question).catch((error) => {
      cause = error;
      return false;
    });
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${text}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
