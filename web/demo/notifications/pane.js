// One user's half of the page: a stream with that user's token, and what has come of it.

import { Source } from '/client/index.js';
import { timeElement } from '../shared/ago.js';
import { HUB, tokenOf } from '../shared/demo.js';
import { Kept } from '../shared/kept.js';
import { element } from '../shared/shell.js';
import { Inbox, noticeOf } from './inbox.js';
import { icon } from './icons.js';

/** @typedef {import('./inbox.js').Notice} Notice */

export class Pane {
  /** The ids of all that has come in, since the page was loaded: also of what is none of ours. @type {Set<string>} */
  got = new Set();
  source;
  element;
  #inbox;
  #badge = element('span', { class: 'badge' });
  #proof = element('p', { class: 'hint' });
  #all = element('button', { type: 'button', title: 'Mark all as read' }, icon('done'), element('span', { class: 'words' }, 'Mark all as read'));
  #empty = element('p', { class: 'empty' });
  #gap = element('p', { class: 'gap', hidden: true }, 'Some may be missing: you were away for longer than the hub keeps them.');
  #list;
  #on;
  #due = false;

  /**
   * @param {string} user
   * @param {string} name as people write it
   * @param {typeof fetch} fetch
   * @param {{ changed: () => void, arrived: (notice: Notice) => void }} on `arrived` tells of what is new while the
   *   page is open, not of a replay
   */
  constructor(user, name, fetch, on) {
    this.#on = on;
    const kept = new Kept(`notifications-${user}`);
    const before = kept.read();
    this.#inbox = new Inbox(before?.items);
    this.#empty.textContent = `Nothing here. Send ${name} something.`;
    // It scrolls, so the keyboard has to get there.
    this.#list = element('ol', { class: 'notices', tabIndex: 0, 'aria-label': `${name}’s notifications` });
    this.#all.onclick = () => {
      this.#inbox.markRead();
      this.#draw();
    };
    this.element = element('section', { class: 'card pane', 'aria-label': name, 'aria-busy': 'true', dataset: { user } },
      element('div', { class: 'pane-head' },
        element('span', { class: 'avatar', 'aria-hidden': 'true' }, name[0]),
        element('div', null, element('h2', null, name, ' ', this.#badge), this.#proof),
        this.#all),
      this.#gap, this.#empty, this.#list);

    this.source = new Source(HUB, {
      // Everybody's! What comes is up to the token.
      topics: ['/demo/notifications/{user}'],
      token: tokenOf(user),
      include: ['topic'],
      cursor: typeof before?.cursor === 'string' && before.cursor !== '' ? before.cursor : 'earliest',
      fetch,
    });
    // What is replayed is no news, except what was made meanwhile.
    const opened = Date.now();
    let live = false;
    this.source.oncaughtup = () => {
      live = true;
      this.element.removeAttribute('aria-busy');
    };
    this.source.ongap = () => {
      this.#gap.hidden = false;
    };
    this.source.onmessage = (event) => {
      this.got.add(event.lastEventId);
      const notice = noticeOf(event, Date.now());
      if (notice && this.#inbox.add(notice)) {
        this.#soon();
        if (live || notice.time >= opened) on.arrived(notice);
      }
      on.changed();
    };
    kept.writeOnLeave(() => ({ cursor: this.source.cursor, items: this.#inbox }));
    this.#draw();
  }

  get unread() {
    return this.#inbox.unread;
  }

  /** Says how many of those came here that were sent to each. @param {[name: string, ids: string[]][]} sent */
  prove(sent) {
    const words = sent.map(([name, ids]) => `${ids.filter((id) => this.got.has(id)).length} of ${ids.length} sent to ${name}`);
    this.#proof.textContent = `Got ${words.join(', ')}`;
  }

  /** Once for all that has come together; also while the page is hidden, which has no frames. */
  #soon() {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => this.#draw());
  }

  #draw() {
    this.#due = false;
    const { notices, unread } = this.#inbox;
    this.#badge.hidden = unread === 0;
    this.#badge.replaceChildren(String(unread), element('span', { class: 'hidden' }, ' unread'));
    this.#all.disabled = unread === 0;
    this.#empty.hidden = notices.length > 0;
    this.#list.hidden = notices.length === 0;
    // Fifty at the most: making them anew is cheap, and cannot go wrong. The focus stays where it was, or goes on to the next.
    const focused = [...this.#list.querySelectorAll('button')].indexOf(document.activeElement);
    this.#list.replaceChildren(...notices.map((notice) => this.#row(notice)));
    if (focused >= 0) ([...this.#list.querySelectorAll('button')].at(Math.min(focused, unread - 1)) ?? this.#all).focus();
    this.#on.changed();
  }

  /** @param {Notice} notice */
  #row({ id, title, text, kind, time, read }) {
    const row = element('li', { class: read ? 'notice' : 'notice unread', dataset: { id, kind } },
      element('span', { class: 'sign' }, icon(kind)),
      element('div', null,
        element('h3', null, title),
        element('p', { class: 'text' }, text),
        element('p', { class: 'hint' }, timeElement(time))));
    if (!read) {
      const button = element('button', { type: 'button', class: 'done', 'aria-label': `Mark “${title}” as read`, title: 'Mark as read' }, icon('done'));
      button.onclick = () => {
        this.#inbox.markRead(id);
        this.#draw();
      };
      row.append(button);
    }
    return row;
  }
}
