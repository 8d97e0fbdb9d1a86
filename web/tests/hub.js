// What the tests need beside a browser: a hub of their own, and a wire to it that can be cut.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.HEADWATER_BIN ?? fileURLToPath(new URL('../../target/debug/headwater', import.meta.url));
const START_MS = 20_000;

/** `headwater dev` on a port of its own, which stays the same when it is stopped and started. */
export class Hub {
  #process;
  #output = '';
  /** History survives a stop, as it does for whoever tries things out. */
  #folder = mkdtempSync(join(tmpdir(), 'headwater-'));

  static async start() {
    const hub = new Hub();
    process.once('exit', () => rmSync(hub.#folder, { recursive: true, force: true }));
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    hub.port = probe.address().port;
    probe.close();
    await once(probe, 'close');
    await hub.start();
    return hub;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start() {
    const flags = ['--listen', `127.0.0.1:${this.port}`, '--history', join(this.#folder, 'history')];
    this.#process = spawn(BINARY, ['dev', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on('data', (chunk) => (this.#output += chunk));
    }
    const ended = new Promise((_, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code) => reject(new Error(`the hub ended with ${code}:\n${this.#output}`)));
    });
    ended.catch(() => {});
    await Promise.race([ended, until(() => fetch(`${this.url}/healthz`).then((answer) => answer.ok), START_MS)]);
  }

  async stop() {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
  }

  /** The next `count` events of the topic, from the earliest that the hub holds; read without any browser. */
  async events(topic, count) {
    const abort = new AbortController();
    const url = `${this.url}/.well-known/mercure?topic=${encodeURIComponent(topic)}&lastEventID=earliest`;
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

  /** @param {number} port the hub's */
  static async to(port) {
    const wire = new Wire();
    wire.#server = net.createServer((socket) => {
      if (wire.#is === 'cut') {
        socket.resetAndDestroy();
        return;
      }
      if (wire.#is === 'bad gateway') {
        socket.on('error', () => {});
        socket.once('data', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
        return;
      }
      const onward = net.connect(port, '127.0.0.1');
      for (const [from, to] of [[socket, onward], [onward, socket]]) {
        wire.#sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          wire.#sockets.delete(from);
          to.destroy();
        });
      }
    });
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    wire.url = `http://127.0.0.1:${wire.#server.address().port}`;
    return wire;
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
    for (const socket of this.#sockets) socket.resetAndDestroy();
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
