// The ticker: every update goes into the market, which costs next to nothing; the table draws what has changed, once a frame.

import { Source } from '/client/index.js';
import { HUB } from '../shared/demo.js';
import { How } from '../shared/how.js';
import { byId, shell } from '../shared/shell.js';
import { breadth, Market, summary } from './market.js';
import { Table } from './table.js';

const TOPIC = '/demo/ticker/{symbol}';
/** The hub's demo moves prices for a minute after each request for them. */
const WANT_EVERY = 30_000;

const state = shell();
const how = new How(document.querySelector('.how'), 'main.js', 'market.js', 'line.js', 'table.js', 'row.js');
const market = new Market();
const table = new Table(byId('rows'), market);

// Two minutes of prices are replayed first, so that the lines are there at once.
const source = new Source(HUB, { topics: [TOPIC], include: ['topic'], cursor: 'earliest', fetch: how.fetch });
state.follow(source);

let updates = 0;
// The rate is that of the live stream: a replay is as fast as it can be.
let live = false;
source.onmessage = (event) => {
  if (!market.take(event)) return;
  if (live) updates += 1;
  table.changed();
};
source.ongap = () => market.breakLines();
source.onopen = () => {
  live = false;
};
source.oncaughtup = () => {
  live = true;
  // A whole second from here: of a part of one, the rate would be anything.
  clearInterval(telling);
  telling = setInterval(tell, 1_000);
  restart();
};

// Nobody looks: no stream, and no prices made. Later it goes on from the cursor, with what the hub still holds.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') {
    source.unsubscribe(TOPIC);
  } else {
    source.subscribe(TOPIC);
    want();
  }
});
setInterval(want, WANT_EVERY);
want();

function want() {
  if (document.visibilityState === 'hidden') return;
  // If it fails, the state of the connection says so, and the next one may not.
  how.fetch('/demo/ticker', { method: 'POST' }).then((answer) => answer.body?.cancel(), () => {});
}

// --- the figures above the table, once a second -----------------------------------------------------------------------

let since = { time: performance.now(), frames: 0 };
let telling = setInterval(tell, 1_000);

function restart() {
  updates = 0;
  since = { time: performance.now(), frames: table.frames };
}

function tell() {
  const seconds = (performance.now() - since.time) / 1_000;
  const { up, down } = breadth(market.quotes.values());
  byId('rate').textContent = live ? String(Math.round(updates / seconds)) : '–';
  byId('frames').textContent = String(Math.round((table.frames - since.frames) / seconds));
  byId('age').textContent = table.newest === 0 ? '–' : age(Date.now() - table.newest);
  byId('breadth').textContent = `${up} / ${down}`;
  tellNothing();
  restart();
}

function tellNothing() {
  byId('nothing').hidden = table.shown > 0;
  byId('nothing').textContent = market.quotes.size === 0 ? 'Waiting for the first prices…' : 'No symbol is like that.';
}

/** The hub's clock may be ahead of ours. @param {number} passed */
const age = (passed) => (passed < 1_000 ? `${Math.max(passed, 0)} ms` : `${Math.round(passed / 1_000)} s`);

// --- sort, filter, pause, sum up ----------------------------------------------------------------------------------------

const headings = [...document.querySelectorAll('th[data-column]')];
for (const heading of headings) {
  heading.querySelector('button').onclick = () => {
    // Names from A, numbers from the highest: that is what is looked for first.
    const first = heading.dataset.column === 'symbol' ? 'ascending' : 'descending';
    const order = heading.ariaSort === first ? (first === 'ascending' ? 'descending' : 'ascending') : first;
    for (const other of headings) other.ariaSort = other === heading ? order : 'none';
    table.sort(heading.dataset.column, order === 'descending');
  };
}

const search = /** @type {HTMLInputElement} */ (byId('search'));
const trend = /** @type {HTMLSelectElement} */ (byId('trend'));
search.oninput = trend.onchange = () => {
  const text = search.value.trim().toLowerCase();
  table.filter(({ symbol, name, price, open }) =>
    (text === '' || `${symbol} ${name}`.toLowerCase().includes(text))
    && (trend.value === 'all' || (trend.value === 'up' ? price > open : price < open)));
  tellNothing();
};

const pause = byId('pause');
pause.onclick = () => {
  const paused = pause.getAttribute('aria-pressed') !== 'true';
  pause.setAttribute('aria-pressed', String(paused));
  table.pause(paused);
};

byId('sum-up').onclick = () => {
  const time = new Date().toLocaleTimeString('en', { hour12: false });
  byId('summary').textContent = `${summary([...market.quotes.values()])} As of ${time}.`;
};
