// The dashboard: what arrives goes into the points, and once a frame into the charts.

import { Source } from '/client/index.js';
import { HUB } from '../shared/demo.js';
import { How } from '../shared/how.js';
import { Kept } from '../shared/kept.js';
import { parse, Points } from '../shared/points.js';
import { byId, element, shell } from '../shared/shell.js';
import { Alerts } from './alerts.js';
import { Chart } from './chart.js';
import { percent } from './format.js';
import { PANELS } from './panels.js';

const SYSTEM = '/demo/system';
const LEAST_MS = 60_000;

const points = new Points();
// What a test looks at, and whoever opens the console.
window.__points = points.all;

const kept = new Kept('thresholds');
const before = kept.read();
const charts = PANELS.map((panel) => new Chart(panel, before?.[panel.id], {
  resized: drawSoon,
  threshold: (chart) => {
    kept.write(Object.fromEntries(charts.map(({ element: { id }, entered }) => [id, entered])));
    alerts.again(chart);
    drawSoon();
  },
}));
const alerts = new Alerts(charts, points);
byId('charts').append(...charts.map((chart) => chart.element));
const cores = element('div', { class: 'cores', role: 'img', 'aria-label': 'Cores, no reading yet' });
byId('cpu').querySelector('.plot').after(cores);

// A replay brings hundreds of events at once: they are drawn once, in the next frame.
let frame = 0;
function drawSoon() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
}

let opened = 0;
let lastId = '';
const text = (id, value) => {
  if (byId(id).textContent !== value) byId(id).textContent = value;
};

function draw() {
  const wanted = Number(byId('span').querySelector(':checked').value) * 1_000;
  const shown = points.window(wanted);
  // Who has just begun sees a chart all the same, not the hem of one.
  const span = Math.min(wanted, Math.max(LEAST_MS, shown.length > 0 ? shown.at(-1).time - shown[0].time : 0));
  for (const chart of charts) chart.draw(shown, span);
  // uPlot draws in microtasks: here it has not yet.
  queueMicrotask(() => charts.forEach((chart) => chart.keep()));
  if (points.latest) {
    drawCores(points.latest.cpu.cores);
    alerts.show();
  }
  text('count', points.count.toLocaleString('en'));
  text('reconnected', String(Math.max(0, opened - 1)));
  text('last-id', lastId || 'none yet');
  for (const name of ['missing', 'doubled']) {
    text(name, points[name].toLocaleString('en'));
    byId(name).classList.toggle('wrong', points[name] > 0);
  }
}

function drawCores(values) {
  cores.classList.toggle('many', values.length > 8);
  while (cores.children.length > values.length) cores.lastChild.remove();
  while (cores.children.length < values.length) cores.append(element('div', { class: 'core' }, element('i'), element('span')));
  values.forEach((value, index) => {
    const [bar, label] = cores.children[index].children;
    bar.style.width = `${Math.min(value, 100)}%`;
    label.textContent = `Core ${index + 1}: ${percent(value)}`;
  });
  cores.setAttribute('aria-label', values.map((value, index) => `Core ${index + 1} ${percent(value)}`).join(', '));
}

byId('span').addEventListener('change', drawSoon);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawSoon);

const state = shell();
const how = new How(document.querySelector('.how'), 'main.js', 'chart.js', 'columns.js');
const source = new Source(HUB, { topics: [SYSTEM], cursor: 'earliest', fetch: how.fetch });
state.follow(source);
source.addEventListener('open', () => {
  opened += 1;
  drawSoon();
});
source.addEventListener('message', (event) => {
  lastId = event.lastEventId;
  const reading = parse(event.data);
  if (reading) points.add(event.lastEventId, reading);
  drawSoon();
});
