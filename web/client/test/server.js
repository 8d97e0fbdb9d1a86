// A small hub for tests: the protocol's subscribe side with `include=cursor,gap,topic,selector` and long polls, as
// MERCURE.md describes it, over real sockets. It holds everything; a selector is a topic or `*`.

import { once } from 'node:events';
import http from 'node:http';

export class Server {
  #events = [];
  #streams = new Set();
  #waiting = new Set();
  #server = http.createServer((request, response) => this.#handle(request, response));
  epoch = 'epochepoch12';
  /** Requests so far, as { method, url, headers }. */
  requests = [];
  /** Called with each request; true if it has answered. */
  intercept = () => false;
  #keys = new Map();

  static async start() {
    const server = new Server();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    server.url = `http://127.0.0.1:${server.#server.address().port}/.well-known/mercure`;
    return server;
  }

  stop() {
    this.cut();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Breaks every stream. */
  cut() {
    for (const { response } of this.#streams) response.socket?.resetAndDestroy();
  }

  cursor(offset) {
    return `#${this.epoch}-${offset}`;
  }

  publish(topic, data, id) {
    const offset = this.#events.length + 1;
    const event = { offset, topic, data, id: id ?? this.cursor(offset) };
    this.#events.push(event);
    for (const stream of this.#streams) this.#write(stream, event);
    for (const wake of this.#waiting) wake();
    return event.id;
  }

  #matches(topics, { topic }) {
    return topics.filter((selector) => selector === '*' || selector === topic);
  }

  #write({ response, topics, include }, { offset, topic, data, id }) {
    const matched = this.#matches(topics, { topic });
    if (matched.length === 0) return;
    const lines = [`id: ${id}`];
    if (include.has('cursor')) lines.push(`cursor: ${this.cursor(offset).slice(1)}`);
    if (include.has('topic')) lines.push(`topic: ${topic}`);
    if (include.has('selector')) lines.push(...matched.map((selector) => `selector: ${selector}`));
    response.write(`${lines.join('\n')}\n${data.split('\n').map((line) => `data: ${line}`).join('\n')}\n\n`);
  }

  #mark({ response, include }, offset) {
    if (include.has('cursor')) response.write(`id: ${this.cursor(offset)}\ncursor: ${this.cursor(offset).slice(1)}\n\n`);
  }

  /** The offset of a cursor or of a chosen id; 0 for `earliest` and for what is not known. */
  #offset(asked) {
    if (asked.startsWith(`#${this.epoch}-`)) return Number(asked.split('-')[1]);
    return this.#events.find(({ id }) => id === asked)?.offset ?? 0;
  }

  async #handle(request, response) {
    const url = new URL(request.url, this.url);
    this.requests.push({ method: request.method, url, headers: request.headers });
    if (await this.intercept(request, response)) return;
    if (request.method === 'POST') {
      this.#publish(request, response);
      return;
    }
    const asked = request.headers['last-event-id'] ?? url.searchParams.get('lastEventID') ?? '';
    const from = asked === '' ? this.#events.length : this.#offset(asked);
    const topics = url.searchParams.getAll('topic');
    if (request.headers.accept === 'application/json') {
      await this.#poll(response, topics, from, Number(url.searchParams.get('timeout') ?? 25));
      return;
    }
    const include = new Set(url.searchParams.getAll('include').flatMap((list) => list.split(',')));
    const stream = { response, topics, include };
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'Headwater-Heartbeat': '15',
      ...(asked === '' ? {} : { 'Last-Event-ID': from === 0 ? 'earliest' : asked }) });
    response.write(':\n');
    this.#mark(stream, from);
    for (const event of this.#events.slice(from)) this.#write(stream, event);
    if (asked !== '') this.#mark(stream, this.#events.length);
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
  }

  async #poll(response, topics, from, timeout) {
    const updates = () => this.#events.slice(from).filter((event) => this.#matches(topics, event).length > 0);
    if (updates().length === 0 && timeout > 0) {
      await new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, timeout * 1_000);
        response.on('close', done);
        this.#waiting.add(done);
      });
    }
    const list = updates().slice(0, 100);
    const last = list.length === 100 ? list.at(-1).offset : this.#events.length;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({
      lastEventID: this.cursor(last),
      more: list.length === 100,
      updates: list.map(({ id, offset, data, topic }) => ({ id, cursor: this.cursor(offset).slice(1), data, topics: [topic] })),
    }));
  }

  async #publish(request, response) {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const form = new URLSearchParams(body);
    const key = request.headers['idempotency-key'];
    if (!this.#keys.has(key)) this.#keys.set(key, this.publish(form.get('topic'), form.get('data') ?? '', form.get('id') ?? undefined));
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.end(this.#keys.get(key));
  }
}
