// What all pages of the demo have around them: the head with the way to the others, the state of the connection, the foot.

/** @type {[path: string, name: string][]} */
const PAGES = [
  ['/', 'Start'],
  ['/demo/dashboard/', 'Dashboard'],
  ['/demo/news/', 'News'],
  ['/demo/ticker/', 'Ticker'],
  ['/demo/notifications/', 'Notifications'],
  ['/demo/chat/', 'Chat'],
  ['/demo/answer/', 'Token stream'],
  ['/demo/tabs/', 'Tabs'],
];

/**
 * An element: its properties, and what it holds. Text stays text, whoever wrote it.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, any> | null} [properties] `dataset` and `class` too; what starts with `aria-` or is `role` is an attribute
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key === 'class') made.className = value;
    else if (key === 'dataset') Object.assign(made.dataset, value);
    else if (key.startsWith('aria-') || key === 'role') made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

/** @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Fills the page's `<header class="top">`, and puts the foot below its `<main id="main">`.
 *
 * @returns {State}
 */
export function shell() {
  const here = location.pathname;
  const links = PAGES.map(([path, name]) => {
    const link = element('a', { href: path }, name);
    if (path === here) link.setAttribute('aria-current', 'page');
    return element('li', null, link);
  });
  const state = new State();
  document.querySelector('header.top').append(
    element('a', { class: 'skip', href: '#main' }, 'To the content'),
    element('a', { class: 'brand', href: '/' }, element('img', { src: '/demo/favicon.svg', alt: '', width: 28, height: 28 }), 'Headwater'),
    element('nav', { 'aria-label': 'Demo' }, element('ul', null, ...links)),
    state.element,
  );
  // On a phone the list scrolls sideways: the page that is open is to be seen, and one that the keyboard goes to.
  const list = document.querySelector('header.top ul');
  const bring = (item) => item && (list.scrollLeft = item.offsetLeft - (list.clientWidth - item.offsetWidth) / 2);
  bring(list.querySelector('[aria-current]')?.parentElement);
  list.addEventListener('focusin', ({ target }) => bring(target.parentElement));
  byId('main').after(element('footer', { class: 'foot' }, element('p', null,
    'Served by ', element('code', null, 'headwater dev'), ': stop it and start it again, and every page goes on by itself.')));
  return state;
}

/** Whether the page is live, in words and a colour. */
export class State {
  element;
  #words;

  constructor() {
    this.#words = element('span', null, 'Connecting…');
    this.element = element('p', { class: 'state', role: 'status', dataset: { state: 'connecting' } },
      element('span', { class: 'dot', 'aria-hidden': 'true' }), this.#words);
  }

  /** @param {'connecting' | 'open' | 'reconnecting' | 'closed'} state @param {string} words */
  show(state, words) {
    this.element.dataset.state = state;
    // Said only when it changes, for those who listen to the page.
    if (this.#words.textContent !== words) this.#words.textContent = words;
  }

  /** Shows how this source fares. @param {import('../../client/index.js').Source} source */
  follow(source) {
    source.addEventListener('open', () => this.show('open', 'Live'));
    source.addEventListener('error', ({ retryIn, message }) => {
      // Why, is for whoever wants to know.
      this.element.title = message;
      if (retryIn === null) this.show('closed', 'Not connected');
      else this.show('reconnecting', 'Reconnecting…');
    });
  }
}
