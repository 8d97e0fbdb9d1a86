// The sections to choose from, each with the number of its unread items.

import { element } from '../shared/shell.js';
import { SECTIONS } from './icons.js';

export class Sections {
  /** @type {string | undefined} all, when there is none */
  chosen = SECTIONS.find((name) => location.hash === `#${name}`);
  /** @type {Map<string | undefined, { button: HTMLButtonElement, badge: HTMLElement }>} */
  #buttons = new Map();

  /**
   * @param {HTMLElement} group
   * @param {() => void} changed
   */
  constructor(group, changed) {
    for (const section of [undefined, ...SECTIONS]) {
      const badge = element('span', { class: 'badge' });
      const button = element('button', { type: 'button', dataset: { section: section ?? 'all' } }, section ?? 'all', ' ', badge);
      button.onclick = () => {
        this.chosen = section;
        // A link to one section, and a reload stays in it.
        history.replaceState(null, '', section ? `#${section}` : location.pathname);
        this.#press();
        changed();
      };
      this.#buttons.set(section, { button, badge });
      group.append(button);
    }
    this.#press();
  }

  /** @param {(section: string | undefined) => number} unread */
  count(unread) {
    for (const [section, { badge }] of this.#buttons) {
      const number = unread(section);
      badge.hidden = number === 0;
      const words = String(number);
      if (badge.textContent !== words) badge.replaceChildren(words, element('span', { class: 'hidden' }, ' unread'));
    }
  }

  #press() {
    for (const [section, { button }] of this.#buttons) button.setAttribute('aria-pressed', String(section === this.chosen));
  }
}
