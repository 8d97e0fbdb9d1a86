// What has just come in, for a moment, at the edge of the window.

import { element } from '../shared/shell.js';
import { icon } from './icons.js';

/** So many at once: what is beyond is in the list anyway. */
const MOST = 3;
/** As long as it takes to read one twice, in milliseconds. */
const STAY = 6_000;

export class Toasts {
  #region;

  /** @param {HTMLElement} region a polite live region */
  constructor(region) {
    this.#region = region;
  }

  /** @param {string} to @param {string} title */
  show(to, title) {
    const close = element('button', { type: 'button', 'aria-label': 'Dismiss' }, icon('close'));
    const toast = element('div', { class: 'toast' }, element('p', null, element('strong', null, `For ${to}: `), title), close);
    close.onclick = () => toast.remove();
    // It does not go away under somebody's pointer or fingers.
    let timer;
    const leave = () => (timer = setTimeout(() => toast.remove(), STAY));
    const stay = () => clearTimeout(timer);
    toast.onpointerenter = toast.onfocus = stay;
    toast.onpointerleave = leave;
    toast.addEventListener('focusin', stay);
    toast.addEventListener('focusout', leave);
    leave();
    this.#region.append(toast);
    while (this.#region.children.length > MOST) this.#region.firstElementChild.remove();
  }
}
