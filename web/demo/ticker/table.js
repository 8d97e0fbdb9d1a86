// The table: once a frame, the rows that have changed and are in view. What is out of view is drawn when it comes into view.

import { change } from './market.js';
import { Row } from './row.js';

/** Moving values are put in order so often, in milliseconds: rows that dance cannot be read. */
const ARRANGE_EVERY = 2_000;

/** @typedef {import('./market.js').Quote} Quote @typedef {'symbol' | 'price' | 'percent'} Column */

/** @type {Record<Column, (one: Quote, other: Quote) => number>} */
const ORDERS = {
  symbol: (one, other) => (one.symbol < other.symbol ? -1 : 1),
  price: (one, other) => one.price - other.price,
  percent: (one, other) => change(one) - change(other),
};

export class Table {
  /** Newest price that is on the screen, in milliseconds since 1970. */
  newest = 0;
  /** How often something was drawn. */
  frames = 0;
  #market;
  #body;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** The symbols in view. @type {Set<string>} */
  #inView = new Set();
  #watcher;
  #frame = 0;
  #arranged = 0;
  #paused = false;
  /** @type {{ column: Column, descending: boolean }} */
  #order = { column: 'symbol', descending: false };
  /** @type {(quote: Quote) => boolean} */
  #wanted = () => true;

  /**
   * @param {HTMLTableSectionElement} body
   * @param {import('./market.js').Market} market
   */
  constructor(body, market) {
    this.#body = body;
    this.#market = market;
    this.#watcher = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        if (isIntersecting) this.#inView.add(target.dataset.symbol);
        else this.#inView.delete(target.dataset.symbol);
      }
      this.changed();
    }, { rootMargin: '60px' });
  }

  /** There is something new: it is drawn with the next frame. A hidden page has none, and draws when it is looked at again. */
  changed() {
    if (this.#paused) return;
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.#draw(now);
    });
  }

  /** @param {Column} column @param {boolean} descending */
  sort(column, descending) {
    this.#order = { column, descending };
    this.#arrange();
  }

  /** @param {(quote: Quote) => boolean} wanted */
  filter(wanted) {
    this.#wanted = wanted;
    this.#arrange();
  }

  /** Nothing moves while somebody reads; what comes meanwhile is drawn after it. @param {boolean} paused */
  pause(paused) {
    this.#paused = paused;
    this.changed();
  }

  /** How many rows the filter leaves. */
  get shown() {
    return this.#body.querySelectorAll('tr:not([hidden])').length;
  }

  #draw(now) {
    const { quotes, changed } = this.#market;
    let fresh = false;
    for (const symbol of changed) {
      if (this.#rows.has(symbol)) continue;
      const row = new Row(symbol);
      // Its name, and its height: only a row that has both is in view.
      row.draw(quotes.get(symbol), now);
      this.#rows.set(symbol, row);
      this.#body.append(row.element);
      this.#watcher.observe(row.element);
      fresh = true;
    }
    let drawn = 0;
    for (const symbol of changed) {
      if (!this.#inView.has(symbol)) continue;
      const quote = quotes.get(symbol);
      this.#rows.get(symbol).draw(quote, now);
      this.newest = Math.max(this.newest, quote.time);
      changed.delete(symbol);
      drawn += 1;
    }
    if (drawn > 0) this.frames += 1;
    if (fresh || now - this.#arranged > ARRANGE_EVERY) this.#arrange(now);
  }

  #arrange(now = performance.now()) {
    this.#arranged = now;
    const sign = this.#order.descending ? -1 : 1;
    const compare = ORDERS[this.#order.column];
    const quotes = [...this.#market.quotes.values()].filter(({ symbol }) => this.#rows.has(symbol));
    const rows = quotes.sort((one, other) => sign * compare(one, other)).map((quote) => {
      const { element } = this.#rows.get(quote.symbol);
      element.hidden = !this.#wanted(quote);
      return element;
    });
    // A row that is moved in the page costs a layout: only if one has to be.
    if (rows.some((row, index) => row !== this.#body.children[index])) this.#body.append(...rows);
  }
}
