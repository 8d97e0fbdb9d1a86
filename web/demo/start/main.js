// The front page: one connection, shown as it is, and a pair of scissors to cut it with.

import { Source } from '/client/index.js';
import { HUB } from '../shared/demo.js';
import { parse, Points } from '../shared/points.js';
import { byId, element, shell } from '../shared/shell.js';
import { answerText, requestText, Wire } from '../shared/wire.js';
import { MESSAGE, showCommand, showMessage, wirePublish } from './publish.js';
import { Raw } from './raw.js';
import { Timeline } from './timeline.js';

const SYSTEM = '/demo/system';
/** Long enough for something to be published meanwhile, and to be seen. */
const AWAY_MS = 3_000;

const wire = new Wire();
const raw = new Raw(byId('raw'));
const timeline = new Timeline(byId('timeline'));
const points = new Points();
// What a test looks at, and whoever opens the console.
window.__points = points.all;

let opened = 0;
let catchingUp = false;
let replayed = 0;
/** Since the last cut. */
let came = 0;
let gap = false;
let last = '';
/** Whose lines are shown, and whether that was cut. @type {import('../shared/wire.js').Exchange | null} */
let reading = null;
let cut = false;

const state = shell();
const source = new Source(HUB, { topics: [SYSTEM, MESSAGE], include: ['topic'], retry: AWAY_MS, fetch: wire.fetch });
state.follow(source);
wirePublish();

wire.addEventListener('read', ({ detail: { exchange, text } }) => {
  if (exchange !== reading) {
    if (reading) raw.note(`— the next request went on ${last ? `from ${last}` : 'where it was'} —`);
    reading = exchange;
    cut = false;
  }
  raw.push(text);
});
wire.addEventListener('change', () => {
  const exchange = wire.exchanges.at(-1);
  if (exchange.status === 0) return;
  showRequest(byId('request'), exchange);
  byId('answer').textContent = answerText(exchange);
});

source.addEventListener('open', () => {
  opened += 1;
  catchingUp = opened > 1;
  came = 0;
  timeline.open();
  byId('cut').setAttribute('aria-disabled', 'false');
  // Each run of `headwater dev` makes its own keys.
  showCommand({ refused: true });
  if (catchingUp) {
    showRequest(byId('resumed'), wire.exchanges.at(-1));
    byId('resume').hidden = false;
  }
  show();
});
source.addEventListener('message', (event) => {
  last = event.cursor;
  if (catchingUp) {
    replayed += 1;
    came += 1;
  }
  if (event.topics[0] === MESSAGE) showMessage(event);
  const measured = event.topics[0] === SYSTEM && parse(event.data);
  if (measured) {
    points.add(event.lastEventId, measured);
    timeline.event(measured.time, catchingUp);
  }
  show();
});
source.addEventListener('caughtup', () => {
  if (!catchingUp) return;
  catchingUp = false;
  const rest = gap ? 'more is no longer held, and the hub says so' : `${points.missing} missing, ${points.doubled} doubled`;
  byId('fate').textContent = `Back, with ${came} that came meanwhile: ${rest}.`;
  gap = false;
});
source.addEventListener('gap', () => (gap = true));
source.addEventListener('error', ({ message, retryIn }) => {
  timeline.cut();
  byId('cut').setAttribute('aria-disabled', 'true');
  // Once: further attempts may fail, and have no lines.
  if (reading && !cut) raw.note(`— ${message} —`);
  cut = true;
  const what = opened > 0 ? 'Cut' : 'No connection yet';
  byId('fate').textContent = retryIn === null ? `It is over: ${message}.` : `${what}. The next request goes out in ${Math.ceil(retryIn / 1_000)} s.`;
});

byId('cut').addEventListener('click', () => {
  // Not `disabled`: whoever uses the keyboard stays where they are.
  if (byId('cut').getAttribute('aria-disabled') === 'false') wire.cut();
});

// A replay brings many at once: what they change is shown once, in the next frame.
let frame = 0;
function show() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const facts = { count: points.count, reconnected: Math.max(0, opened - 1), replayed, missing: points.missing, doubled: points.doubled };
    for (const [id, value] of Object.entries(facts)) byId(id).textContent = value.toLocaleString('en');
    for (const id of ['missing', 'doubled']) byId(id).classList.toggle('wrong', points[id] > 0);
  });
}

/** The request, with what it goes on from set off. */
function showRequest(target, exchange) {
  const text = requestText(exchange);
  if (target.textContent === text) return;
  const [before, line, after] = text.split(/^(Last-Event-ID: .*)$/m);
  target.replaceChildren(before, ...(line ? [element('mark', null, line), after] : []));
}
