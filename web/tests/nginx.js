// A real nginx before the hub, as a process of its own: the system's is not touched.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './hub.js';

const NGINX = process.env.NGINX ?? '/usr/sbin/nginx';

/** What a proxy's administrator wrote, by the name of the mistake, or of its absence. */
const CONFIGURATIONS = {
  // A stream's end is not to be seen by HTTP/1.0, so that its bytes wait for a buffer to be full, and the head with them.
  swallows: 'proxy_http_version 1.0; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;',
  // Here the head comes at once, and nothing behind it.
  swallowsBody: 'proxy_http_version 1.0; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering; postpone_output 0;',
  obeys: 'proxy_http_version 1.1; proxy_set_header Connection "";',
  buffers: 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;',
};

export class Nginx {
  #process;
  #folder = mkdtempSync(join(tmpdir(), 'headwater-nginx-'));
  #output = '';
  /** The paths of its sockets, which nobody else can take. @type {Record<keyof typeof CONFIGURATIONS, string>} */
  sockets = Object.fromEntries(Object.keys(CONFIGURATIONS).map((name) => [name, join(this.#folder, name)]));

  /** @param {number} port the hub's */
  static async before(port) {
    const nginx = new Nginx();
    await nginx.#start(port);
    return nginx;
  }

  async #start(port) {
    process.once('exit', () => {
      this.#process.kill('SIGKILL');
      rmSync(this.#folder, { recursive: true, force: true });
    });
    const servers = Object.entries(CONFIGURATIONS).map(([name, lines]) =>
      `server { listen unix:${this.sockets[name]}; location / { proxy_pass http://127.0.0.1:${port}; ${lines} } }`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`);
    writeFileSync(join(this.#folder, 'nginx.conf'), `
      daemon off; master_process off; pid nginx.pid; error_log stderr warn;
      events {}
      http { access_log off; ${temporary.join(' ')} ${servers.join('\n')} }
    `);
    this.#process = spawn(NGINX, ['-p', `${this.#folder}/`, '-c', 'nginx.conf', '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process.stderr.on('data', (chunk) => (this.#output += chunk));
    const ended = new Promise((_, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code) => reject(new Error(`nginx ended with ${code}:\n${this.#output}`)));
    });
    ended.catch(() => {});
    await Promise.race([ended, Promise.all(Object.values(this.sockets).map((each) => until(() => answers(each), 20_000)))]);
  }

  async stop() {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
  }
}

const answers = (path) => new Promise((resolve, reject) => {
  const socket = net.connect(path, () => {
    socket.destroy();
    resolve(true);
  });
  socket.on('error', reject);
});
