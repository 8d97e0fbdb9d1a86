// The page: one source, shared by all tabs that have it open, and what each tab can tell of that.

import { Source } from '/client/index.js';
import { HUB } from '../shared/demo.js';
import { How } from '../shared/how.js';
import { byId, element, shell } from '../shared/shell.js';
import { requestText } from '../shared/wire.js';
import { Roster } from './roster.js';
import { Tally } from './tally.js';

/** So many lines of what happened are shown. */
const LINES = 12;

const state = shell();
const how = new How(document.querySelector('.how'), 'main.js', 'roster.js', 'tally.js');
// A source with a `fetch` of its own is never shared, as another tab's would not be the same. So that this page can show what
// is sent all the same, it listens in on everybody's.
globalThis.fetch = how.fetch;

const roster = new Roster();
const tally = new Tally();
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
/** @type {Source | null} */
let source = null;
/** Where this tab was in the stream when it left: when it joins again, it gets what it missed. */
let cursor = '';
/** Who led when it was last looked at: the tab's number. */
let leader = 0;
let changedAt = '';

function join() {
  source = new Source(HUB, { topics: ['/demo/system'], share: true, cursor });
  source.addEventListener('message', (event) => {
    tally.add(readingOf(event));
    byId('reading').textContent = event.data;
    tell();
  });
  source.addEventListener('sharing', tell);
  source.addEventListener('caughtup', tell);
  state.follow(source);
  tell();
}

function leave() {
  cursor = source.cursor;
  source.close();
  source = null;
  state.show('closed', 'Left');
  byId('reading').textContent = '';
  tell();
}

/** To the other tabs, and to whoever looks at this one. */
function tell() {
  roster.tell({ leads: leads(), away: source === null, events: tally.count, wrong: tally.missing + tally.doubled });
  draw();
}

const leads = () => source?.sharing?.leader ?? false;

function draw() {
  const me = { number: roster.number, leads: leads(), away: source === null, events: tally.count, wrong: tally.missing + tally.doubled };
  const tabs = [me, ...roster.others].filter(({ number }) => number > 0).sort((a, b) => a.number - b.number);
  watchLeader(tabs.find((tab) => tab.leads)?.number ?? 0);

  const sharing = source?.sharing ?? null;
  put('role', role(sharing));
  put('tabs', sharing ? String(sharing.tabs) : '–');
  put('count', tally.count.toLocaleString('en'));
  for (const name of /** @type {const} */ (['missing', 'doubled'])) {
    put(name, String(tally[name]));
    byId(name).classList.toggle('wrong', tally[name] > 0);
  }
  put('changed', changedAt || 'not yet');
  document.title = `${roster.number ? `Tab ${roster.number}` : 'Tabs'}${me.leads ? ' leads' : ''} · Headwater`;
  byId('leave').textContent = source ? 'Leave' : 'Join again';

  byId('leading').replaceChildren(...tabs.filter((tab) => tab.leads).map((tab) => card(tab, tab.number === me.number)));
  byId('following').replaceChildren(...tabs.filter((tab) => !tab.leads).map((tab) => card(tab, tab.number === me.number)));
  byId('nobody').hidden = byId('leading').children.length > 0;
  byId('alone').hidden = byId('following').children.length > 0;
  drawRequest(me.leads);
}

/** @param {Source['sharing']} sharing */
function role(sharing) {
  if (!source) return 'left';
  if (!sharing) return source.readyState === Source.OPEN ? 'not shared' : '…';
  return sharing.leader ? 'leads' : 'follows';
}

/** @param {number} number */
function watchLeader(number) {
  if (number === 0 || number === leader) return;
  changedAt = clock.format();
  const which = number === roster.number ? 'This tab' : `Tab ${number}`;
  byId('log').prepend(element('li', null, element('time', null, changedAt), ' ',
    leader === 0 ? `${which} leads.` : `${which} leads now. Before, it was tab ${leader}.`));
  while (byId('log').children.length > LINES) byId('log').lastElementChild.remove();
  leader = number;
}

/** @param {import('./roster.js').Tab} tab @param {boolean} mine */
function card({ number, leads, away, events, wrong }, mine) {
  const words = away ? 'has left' : `${events} event${events === 1 ? '' : 's'}${wrong > 0 ? `, ${wrong} wrong` : ''}`;
  return element('li', { class: `tab${mine ? ' mine' : ''}${away ? ' away' : ''}`, dataset: { number: String(number) } },
    element('b', null, `Tab ${number}`), ...(mine ? [element('span', { class: 'tag' }, 'this one')] : []),
    element('span', { class: 'hint' }, leads ? `leads, ${words}` : words));
}

/** @param {boolean} leading */
function drawRequest(leading) {
  const stream = how.wire.exchanges.findLast(({ state, method }) => method === 'GET' && state === 'reading');
  byId('request').hidden = !stream;
  put('request', stream ? requestText(stream) : '');
  put('whose', whose(leading, stream !== undefined));
}

/** @param {boolean} leading @param {boolean} streams */
function whose(leading, streams) {
  if (!source) return 'This tab has left, and gets nothing.';
  if (leading) return 'This tab leads: it holds the one connection, and hands the events on to the others.';
  if (streams) return 'This tab is not shared: it has a connection to itself.';
  return leader > 0 ? `This tab has no connection of its own: what it gets comes from tab ${leader}.` : 'This tab has no connection of its own yet.';
}

/** @param {string} id @param {string} text only if it is new, for those who listen to the page */
function put(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** @param {import('/client/index.js').ServerEvent} event */
function readingOf(event) {
  try {
    return event.json();
  } catch {
    return null;
  }
}

byId('leave').addEventListener('click', () => (source ? leave() : join()));
roster.addEventListener('change', draw);
how.wire.addEventListener('change', () => drawRequest(leads()));
join();
