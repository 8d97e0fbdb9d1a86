// The raw lines of a stream, as they come: each its own element, so that a field's name can be seen at a glance.

import { element } from '../shared/shell.js';

/** So many lines are kept: the page stays open. */
const LINES = 200;

export class Raw {
  #target;
  /** The line that has not ended yet. */
  #open = '';

  /** @param {HTMLElement} target scrolls; stays at the end unless somebody has scrolled up to read */
  constructor(target) {
    this.#target = target;
  }

  /** @param {string} text what has been read; it may end within a line */
  push(text) {
    const lines = (this.#open + text).split('\n');
    this.#open = lines.pop();
    this.#append(lines.map((line) => {
      const [, field, rest] = /^([a-z]*)(:.*)?$/s.exec(line) ?? [];
      if (field) return element('span', { class: 'row', dataset: { field } }, element('b', null, field), rest ?? '', '\n');
      return element('span', { class: 'row', dataset: { field: line === '' ? 'end' : 'comment' } }, line, '\n');
    }));
  }

  /** A line of the page's own, between two connections. @param {string} words */
  note(words) {
    this.#open = '';
    this.#append([element('span', { class: 'row', dataset: { field: 'note' } }, `${words}\n`)]);
  }

  #append(rows) {
    const target = this.#target;
    const follow = target.scrollHeight - target.scrollTop - target.clientHeight < 40;
    target.append(...rows);
    while (target.children.length > LINES) target.firstChild.remove();
    if (follow) target.scrollTop = target.scrollHeight;
  }
}
