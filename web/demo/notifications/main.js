// Two users, two streams, one page. Each stream is as if the other did not exist.

import { Source } from '/client/index.js';
import { keepTimes } from '../shared/ago.js';
import { How } from '../shared/how.js';
import { byId, shell } from '../shared/shell.js';
import { Bell } from './bell.js';
import { composeForm } from './compose.js';
import { Pane } from './pane.js';
import { Toasts } from './toasts.js';

const USERS = [['alice', 'Alice'], ['bob', 'Bob']];

const state = shell();
const how = new How(document.querySelector('.how'), 'main.js', 'pane.js', 'inbox.js', 'compose.js', 'toasts.js', 'bell.js');
const title = document.title;
const toasts = new Toasts(byId('toasts'));
const bell = new Bell(byId('bell'), byId('bell-words'));

/** The ids of what was sent from here, by whom it was for. @type {Map<string, string[]>} */
const sent = new Map(USERS.map(([user]) => [user, []]));
/** @type {Pane[]} */
const panes = [];
let due = false;

for (const [user, name] of USERS) {
  const pane = new Pane(user, name, how.fetch, {
    changed: () => soon(),
    arrived: (notice) => {
      toasts.show(name, notice.title);
      bell.ring(name, notice);
    },
  });
  panes.push(pane);
  pane.source.addEventListener('open', tellState);
  pane.source.addEventListener('error', tellState);
}
byId('panes').append(...panes.map((pane) => pane.element));
composeForm(byId('compose'), how.fetch, (to, id) => {
  sent.get(to).push(id);
  soon();
});
keepTimes();
draw();

/** The page is live when both streams are. */
function tellState() {
  const states = panes.map(({ source }) => source.readyState);
  if (states.every((one) => one === Source.OPEN)) state.show('open', 'Live');
  else if (states.some((one) => one === Source.CLOSED)) state.show('closed', 'Not connected');
  else state.show('reconnecting', 'Reconnecting…');
}

/** Once for all that has come together; not with the next frame, since a hidden page has none, and its title is read. */
function soon() {
  if (due) return;
  due = true;
  queueMicrotask(draw);
}

function draw() {
  due = false;
  const unread = panes.reduce((sum, pane) => sum + pane.unread, 0);
  document.title = unread > 0 ? `(${unread}) ${title}` : title;
  const all = USERS.map(([user, name]) => /** @type {[string, string[]]} */ ([name, sent.get(user)]));
  for (const pane of panes) pane.prove(all);
}
