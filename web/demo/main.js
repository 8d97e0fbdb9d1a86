// The page: what arrives goes into the points and the lists, and once a frame into the charts.

import { Chart, SPAN_MS } from './chart.js';
import { publishCommand, subscribeCommand, wireCopyButtons } from './commands.js';
import { bytes, load, percent, rate, roundRate, ticks } from './format.js';
import { parse, Points } from './points.js';
import { Stream } from './stream.js';

const HUB = new URL('/.well-known/mercure', location.href);
const SYSTEM = '/demo/system';
const MESSAGE = '/demo/message';
const RAW_EVENTS = 5;
const MESSAGES = 50;
const GIB = 1024 ** 3;

const byId = (id) => document.getElementById(id);
const totalMemory = (points) => points.at(-1)?.memory.total || GIB;
const largest = (points, values) => Math.max(0, ...points.flatMap(values));

const points = new Points();
// What a test looks at, and whoever opens the console.
window.__points = points.all;

const charts = [
  new Chart(byId('cpu'), {
    title: 'CPU',
    series: [{ name: 'all cores', value: (point) => point.cpu.total }],
    format: percent,
    label: (value) => `${value} %`,
    ticks: () => [0, 25, 50, 75, 100],
  }),
  new Chart(byId('memory'), {
    title: 'Memory',
    series: [{ name: 'used', value: (point) => point.memory.used }],
    format: (value) => (points.latest ? `${bytes(value)} of ${bytes(points.latest.memory.total)}` : bytes(value)),
    label: (value) => `${+(value / GIB).toFixed(2)} GiB`,
    // What there is, is where the axis ends, round or not.
    ticks: (shown) => ticks(totalMemory(shown), GIB).filter((tick) => tick <= totalMemory(shown)),
    max: totalMemory,
  }),
  new Chart(byId('load'), {
    title: 'Load average',
    series: ['1 min', '5 min', '15 min'].map((name, index) => ({ name, value: (point) => point.load[index] })),
    format: load,
    label: (value) => String(+value.toFixed(2)),
    ticks: (shown) => ticks(Math.max(1, largest(shown, (point) => point.load))),
  }),
  new Chart(byId('network'), {
    title: 'Network',
    series: [
      { name: 'received', value: (point) => point.network.received },
      { name: 'sent', value: (point) => point.network.sent },
    ],
    format: rate,
    label: roundRate,
    ticks: (shown) => ticks(Math.max(1_000, largest(shown, ({ network }) => [network.received, network.sent]))),
  }),
];

// A replay brings hundreds of events at once: they are drawn once, in the next frame.
let frame = 0;
const drawSoon = () => {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
};

const raw = [];
let lastId = '';

function draw() {
  const shown = points.window(SPAN_MS);
  for (const chart of charts) chart.draw(shown);
  if (points.latest) drawCores(points.latest.cpu.cores);
  byId('count').textContent = points.count.toLocaleString('en');
  byId('last-id').textContent = lastId || 'none yet';
  for (const name of ['missing', 'doubled']) {
    byId(name).textContent = points[name].toLocaleString('en');
    byId(name).classList.toggle('wrong', points[name] > 0);
  }
  byId('raw').textContent = raw.join('\n');
}

function drawCores(cores) {
  const box = byId('cpu').querySelector('.cores');
  box.classList.toggle('many', cores.length > 4);
  while (box.children.length > cores.length) box.lastChild.remove();
  while (box.children.length < cores.length) {
    const core = document.createElement('div');
    core.className = 'core';
    core.append(document.createElement('i'), document.createElement('span'));
    box.append(core);
  }
  cores.forEach((value, index) => {
    const [bar, text] = box.children[index].children;
    bar.style.width = `${Math.min(value, 100)}%`;
    text.textContent = `Core ${index + 1}: ${percent(value)}`;
  });
  box.setAttribute('aria-label', cores.map((value, index) => `Core ${index + 1} ${percent(value)}`).join(', '));
}

function takeReading(event) {
  lastId = event.lastEventId;
  raw.unshift(`id: ${event.lastEventId}\n${event.data.split('\n').map((line) => `data: ${line}`).join('\n')}\n`);
  raw.length = Math.min(raw.length, RAW_EVENTS);
  const reading = parse(event.data);
  if (reading) points.add(event.lastEventId, reading);
  drawSoon();
}

function takeMessage(event) {
  const item = document.createElement('li');
  const id = document.createElement('small');
  id.textContent = event.lastEventId;
  // As text, never as markup: it comes from outside.
  item.append(event.data, id);
  const list = byId('messages');
  list.prepend(item);
  while (list.children.length > MESSAGES) list.lastChild.remove();
  byId('messages-empty').hidden = true;
}

const WORDS = {
  connecting: 'Connecting…',
  open: 'Live',
  reconnecting: 'Connection lost, reconnecting…',
  closed: 'Refused by the hub, trying again…',
};
let opened = 0;

function showState(state) {
  byId('state').dataset.state = state;
  // Said only when it changes, for those who listen to the page.
  if (byId('state-words').textContent !== WORDS[state]) byId('state-words').textContent = WORDS[state];
  if (state === 'open') {
    opened += 1;
    byId('reconnected').textContent = String(opened - 1);
    // Each run of `headwater dev` makes its own keys.
    readConfig();
  }
}

let token = '';

async function readConfig() {
  const answer = await fetch('/demo/config.json').catch(() => null);
  if (!answer?.ok) return;
  const config = await answer.json();
  const hub = new URL(config.hub, location.href);
  token = config.token;
  byId('publish-command').textContent = publishCommand(hub, MESSAGE, token);
  byId('subscribe-command').textContent = subscribeCommand(hub, SYSTEM);
}

byId('send').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = byId('send-text');
  const answer = await fetch(HUB, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
    body: new URLSearchParams({ topic: MESSAGE, data: text.value }),
  }).catch(() => null);
  if (answer?.ok) text.value = '';
  byId('send-problem').textContent = answer?.ok ? '' : `Not sent: ${await reason(answer)}`;
});

async function reason(answer) {
  if (!answer) return 'the hub cannot be reached.';
  const problem = await answer.json().catch(() => null);
  return problem?.detail ?? `the hub answered ${answer.status}.`;
}

wireCopyButtons(byId('copied'));
draw();
new Stream(HUB, SYSTEM, { event: takeReading, state: showState });
new Stream(HUB, MESSAGE, { event: takeMessage, state: () => {} });
