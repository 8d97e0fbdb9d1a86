// "How it works": the page's real requests and answers, beneath what the page says about them.

import { element } from './shell.js';
import { answerText, requestText, Wire } from './wire.js';

/** So many of the newest requests are shown. */
const SHOWN = 6;
/** And so many of the last lines of an answer, unless one event alone has more. */
const LINES = 14;
/** Whoever has scrolled up farther than this, in pixels, reads there. */
const NEAR = 40;

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
      const { lines } = known;
      const follow = lines.scrollHeight - lines.scrollTop - lines.clientHeight < NEAR;
      put(lines, lastEvents(exchange.text));
      lines.hidden = exchange.text === '';
      if (follow) lines.scrollTop = lines.scrollHeight;
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

/** The end of the text, from where an event begins. @param {string} text */
export function lastEvents(text) {
  const events = text.split('\n\n');
  const last = events.length - 1;
  let first = last;
  for (let lines = 0; first > 0; first -= 1) {
    lines += events[first - 1].split('\n').length + 1;
    // The last one is under way, or empty: with the one before it there is something to see.
    if (lines > LINES && first < last) break;
  }
  return events.slice(first).join('\n\n').trimEnd();
}

/** Only what is new: a text that somebody has just marked stays marked. */
function put(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
