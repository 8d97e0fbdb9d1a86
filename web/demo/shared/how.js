// "How it works": the page's real requests and answers, beneath what the page says about them.

import { element } from './shell.js';
import { answerText, requestText, Wire } from './wire.js';

/** So many of the newest requests are shown. */
const SHOWN = 6;
/** And so many of the last lines of an answer. */
const LINES = 14;

/**
 * Fills `<details class="how">`, whose text explains, with the requests of its `wire` and links to the sources.
 */
export class How {
  wire = new Wire();
  #list = element('ol', { class: 'exchanges' });
  #details;
  #frame = 0;
  /** @type {Map<number, ReturnType<typeof row>>} */
  #rows = new Map();

  /**
   * @param {HTMLDetailsElement} details
   * @param {...string} sources files beside the page, such as `main.js`
   */
  constructor(details, ...sources) {
    this.#details = details;
    const links = sources.flatMap((name, index) => [index ? ', ' : '', element('a', { href: name }, name)]);
    details.append(
      element('h3', null, 'The requests of this page'),
      this.#list,
      element('p', { class: 'hint' }, 'The whole page: ', ...links, '. It uses ', element('a', { href: '/client/index.js' }, '@headwater/client'), '.'),
    );
    this.wire.addEventListener('change', () => this.#soon());
    details.addEventListener('toggle', () => this.#soon());
  }

  /** For the option `fetch`. */
  get fetch() {
    return this.wire.fetch;
  }

  #soon() {
    // Nobody looks: hundreds of events a second need not be drawn.
    if (!this.#details.open) return;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const shown = this.wire.exchanges.slice(-SHOWN).reverse();
    for (const [number, { item }] of this.#rows) {
      if (shown.some((exchange) => exchange.number === number)) continue;
      item.remove();
      this.#rows.delete(number);
    }
    for (const exchange of shown.toReversed()) {
      let known = this.#rows.get(exchange.number);
      if (!known) {
        known = row(exchange);
        this.#rows.set(exchange.number, known);
        this.#list.prepend(known.item);
      }
      known.item.dataset.state = exchange.state;
      put(known.answer, answerText(exchange));
      put(known.lines, exchange.text.split('\n').slice(-LINES - 1).join('\n'));
      known.lines.hidden = exchange.text === '';
    }
  }
}

/** @param {import('./wire.js').Exchange} exchange */
function row(exchange) {
  const answer = element('pre', { class: 'answer', tabIndex: 0, role: 'group', 'aria-label': `Answer ${exchange.number}` });
  const lines = element('pre', { class: 'lines', tabIndex: 0, role: 'group', 'aria-label': `What answer ${exchange.number} brought` });
  const request = element('pre', { class: 'request', tabIndex: 0, role: 'group', 'aria-label': `Request ${exchange.number}` }, requestText(exchange));
  return { item: element('li', null, request, answer, lines), answer, lines };
}

/** Only what is new: a text that somebody has just marked stays marked. */
function put(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
