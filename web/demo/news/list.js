// The list on the page: only what is new is made, only what is gone is taken away, so whoever reads in it is not disturbed.

import { timeElement } from '../shared/ago.js';
import { element } from '../shared/shell.js';
import { icon } from './icons.js';

/** @typedef {import('./feed.js').Item} Item @typedef {import('./feed.js').Gap} Gap */

export class List {
  #list;
  #seen;
  /** @type {Map<string, HTMLLIElement>} by the item's id */
  #rows = new Map();
  /** Rows on screen that nobody has looked at so far: the page is hidden. */
  #unseen = new Set();
  #watcher;

  /**
   * @param {HTMLElement} list
   * @param {(id: string) => void} seen an unread item has been on screen
   */
  constructor(list, seen) {
    this.#list = list;
    this.#seen = seen;
    this.#watcher = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        if (isIntersecting) this.#unseen.add(target);
        else this.#unseen.delete(target);
      }
      this.#look();
    }, { threshold: 0.6 });
    document.addEventListener('visibilitychange', () => this.#look());
  }

  /** Whether the beginning of the list is in view, so that what comes in there is seen, and pushes nothing away unseen. */
  get startIsInView() {
    return this.#list.hidden || this.#list.getBoundingClientRect().top >= 0;
  }

  /** @param {(Item | Gap)[]} entries */
  draw(entries) {
    const wanted = new Set(entries.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      this.#watcher.unobserve(row);
      this.#unseen.delete(row);
      row.remove();
      this.#rows.delete(id);
    }
    let next = this.#list.firstElementChild;
    for (const entry of entries) {
      let row = this.#rows.get(entry.id);
      if (!row) {
        row = entry.gap ? gapRow(entry) : itemRow(entry);
        this.#rows.set(entry.id, row);
        if (!entry.gap && !entry.read) this.#watcher.observe(row);
      }
      // The mark fades once the item was seen: see the style sheet.
      if (!entry.gap) row.classList.toggle('unread', !entry.read);
      if (row === next) next = next.nextElementSibling;
      else this.#list.insertBefore(row, next);
    }
    this.#list.hidden = entries.length === 0;
  }

  /** Brings the beginning of the list into view. */
  showStart() {
    this.#list.scrollIntoView({ block: 'start', behavior: 'instant' });
  }

  /** Lets the keyboard go on there. */
  focusStart() {
    this.#list.firstElementChild?.focus({ preventScroll: true });
  }

  #look() {
    if (document.visibilityState !== 'visible') return;
    for (const row of this.#unseen) {
      this.#watcher.unobserve(row);
      this.#seen(row.dataset.id);
    }
    this.#unseen.clear();
  }
}

/** @param {Item} item */
function itemRow({ id, title, summary, section, time }) {
  const sign = element('span', { class: 'sign' });
  sign.append(icon(section));
  return element('li', { class: 'item', tabIndex: -1, dataset: { id, section } },
    sign,
    element('article', null,
      element('p', { class: 'meta' },
        element('span', { class: 'section' }, section), timeElement(time), element('span', { class: 'mark' }, 'New')),
      element('h3', null, title),
      element('p', { class: 'summary' }, summary)));
}

/** @param {Gap} gap */
const gapRow = ({ id }) => element('li', { class: 'gap', tabIndex: -1, dataset: { id } },
  element('strong', null, 'Some items are missing here.'),
  ' You were away for longer than the hub keeps them, or its history has begun anew.');
