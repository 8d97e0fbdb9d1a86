// Notifications of the operating system's: only on request, and it is said why not where there are none.

import { Kept } from '../shared/kept.js';

export class Bell {
  #button;
  #words;
  #kept = new Kept('bell');
  #on = this.#kept.read() === true;
  /** Why the browser showed none, though it may. */
  #failed = '';

  /** @param {HTMLButtonElement} button @param {HTMLElement} words */
  constructor(button, words) {
    this.#button = button;
    this.#words = words;
    button.onclick = () => this.#press();
    this.#draw();
  }

  /** @param {string} to @param {{ id: string, title: string, text: string }} notice */
  ring(to, { id, title, text }) {
    if (!this.#on || permission() !== 'granted') return;
    try {
      // With a tag, so that a second tab of this page replaces it rather than show it twice.
      new Notification(`For ${to}: ${title}`, { body: text, tag: id, icon: '/demo/favicon.svg' });
    } catch (error) {
      // Chrome on Android has the interface, and shows them from a service worker only.
      this.#failed = error.message;
      this.#draw();
    }
  }

  async #press() {
    if (permission() === 'default') {
      // Asked because somebody wants it, never on load: else browsers, and people, say no for ever.
      this.#on = (await Notification.requestPermission()) === 'granted';
    } else {
      this.#on = !this.#on;
    }
    this.#kept.write(this.#on);
    this.#draw();
  }

  #draw() {
    const may = permission();
    const on = this.#on && may === 'granted';
    this.#button.disabled = may === 'denied' || may === 'none' || may === 'insecure';
    this.#button.setAttribute('aria-pressed', String(on));
    this.#words.textContent = this.#failed ? `This browser does not show them for a page: ${this.#failed}` : {
      none: 'This browser has no desktop notifications.',
      insecure: 'The browser shows them only for https:// and localhost.',
      denied: 'They are blocked for this page. The browser’s settings for it can allow them.',
      default: 'They reach you while you look at something else. The browser will ask whether it may.',
      granted: on ? 'On: what arrives is shown by your system, too.' : 'The browser may show them; they are off.',
    }[may];
  }
}

/** @returns {NotificationPermission | 'none' | 'insecure'} */
function permission() {
  if (!isSecureContext) return 'insecure';
  return 'Notification' in globalThis ? Notification.permission : 'none';
}
