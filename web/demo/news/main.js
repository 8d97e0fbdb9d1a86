// The news feed: from the stream into the feed, from the feed onto the page, and what the reader does.

import { Source } from '/client/index.js';
import { keepTimes } from '../shared/ago.js';
import { HUB } from '../shared/demo.js';
import { How } from '../shared/how.js';
import { Kept } from '../shared/kept.js';
import { byId, shell } from '../shared/shell.js';
import { Feed, itemOf } from './feed.js';
import { List } from './list.js';
import { Sections } from './sections.js';
import { writeForm } from './write.js';

/** So many items are shown at first, and so many more each time somebody asks for older ones. */
const PAGE = 30;

const state = shell();
const how = new How(document.querySelector('.how'), 'main.js', 'feed.js', 'list.js', 'sections.js', 'write.js');
const title = document.title;

// The items and the cursor are one value: it cannot happen that one knows more than the other.
const kept = new Kept('news');
const before = kept.read();
const cursor = typeof before?.cursor === 'string' && before.cursor !== '' ? before.cursor : 'earliest';
const feed = new Feed(before?.items);

let limit = PAGE;
let frame = 0;
let counting = false;
// What the hub held before the first visit is not new to anybody.
let old = cursor === 'earliest';

const list = new List(byId('items'), (id) => {
  feed.markRead(id);
  soon();
});
const sections = new Sections(byId('sections'), () => {
  limit = PAGE;
  feed.letIn();
  draw();
  if (!list.startIsInView) list.showStart();
});

const source = new Source(HUB, {
  topics: ['/demo/news/{section}'],
  include: ['topic'],
  cursor,
  fetch: how.fetch,
});
state.follow(source);

source.onmessage = (event) => {
  const item = itemOf(event, Date.now());
  if (item === null) return;
  add({ ...item, read: old });
};
source.ongap = ({ from, to }) => {
  add({ id: `gap ${from} ${to}`, gap: true });
  byId('said').textContent = 'Some items are missing: a line in the list says where.';
};
source.oncaughtup = () => {
  old = false;
  byId('items').removeAttribute('aria-busy');
};
kept.writeOnLeave(() => ({ cursor: source.cursor, items: feed }));

function add(entry) {
  const hold = !list.startIsInView;
  const first = hold && feed.waiting() === 0;
  if (!feed.add(entry, hold)) return;
  // Once, not with each: a list that talks all the time is no help.
  if (first && !entry.gap) byId('said').textContent = 'There are new items.';
  countSoon();
  soon();
}

/** Once for all that has come together; not with the next frame: a hidden page has none, and its title is all that is seen of it. */
function countSoon() {
  if (counting) return;
  counting = true;
  queueMicrotask(count);
}

/** A replay brings hundreds of items: they are drawn together. */
function soon() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  cancelAnimationFrame(frame);
  frame = 0;
  const shown = feed.shown(sections.chosen);
  list.draw(shown.slice(0, limit));
  byId('empty').hidden = shown.length > 0;
  byId('older').hidden = shown.length <= limit;
  const waiting = feed.waiting(sections.chosen);
  byId('newer').hidden = waiting === 0;
  byId('newer').textContent = waiting === 1 ? '1 new item' : `${waiting} new items`;
  count();
}

function count() {
  counting = false;
  const unread = feed.unread();
  document.title = unread > 0 ? `(${unread}) ${title}` : title;
  byId('read-all').disabled = unread === 0;
  sections.count((section) => feed.unread(section));
}

function letIn() {
  feed.letIn();
  byId('said').textContent = '';
  draw();
}

byId('newer').onclick = () => {
  letIn();
  list.showStart();
  list.focusStart();
};
// Who has come back to the top by hand wants what is there.
addEventListener('scroll', () => {
  if (feed.waiting() > 0 && list.startIsInView) letIn();
}, { passive: true });
byId('older').onclick = () => {
  limit += PAGE;
  draw();
};
byId('read-all').onclick = () => {
  feed.markRead();
  draw();
};

writeForm(how.fetch);
keepTimes();
draw();
