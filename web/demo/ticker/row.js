// One row of the table, and how it is brought up to date: only what differs is touched.

import { element } from '../shared/shell.js';
import { change } from './market.js';

const NAMESPACE = 'http://www.w3.org/2000/svg';
/** The line's box, in its own units: the style sheet stretches it. */
const BOX = { width: 120, height: 26 };
/**
 * A row flashes so often at the most, in milliseconds. A busy one would flicker, which more than three times a second does harm
 * (WCAG 2.3.1).
 */
const FLASH_EVERY = 1_000;

const number = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const signedNumber = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero' });
/** As wide as a plus: a hyphen is not. @param {number} value */
const signed = (value) => signedNumber.format(value).replace('-', '−');
const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Row {
  element;
  #name = element('span', { class: 'name' });
  #open = element('td', { class: 'open wide' });
  #price = element('td', { class: 'price' });
  #points = element('td', { class: 'points wide' });
  #percent = element('td', { class: 'percent' });
  #line = document.createElementNS(NAMESPACE, 'polyline');
  #flashed = -Infinity;

  /** @param {string} symbol */
  constructor(symbol) {
    const drawing = document.createElementNS(NAMESPACE, 'svg');
    drawing.setAttribute('viewBox', `0 -2 ${BOX.width} ${BOX.height + 4}`);
    drawing.setAttribute('preserveAspectRatio', 'none');
    drawing.append(this.#line);
    const th = element('th', { scope: 'row' }, element('span', { class: 'symbol' }, symbol), this.#name);
    // The line says nothing that the numbers do not say to who cannot see it.
    const line = element('td', { class: 'line-cell', 'aria-hidden': 'true' });
    line.append(drawing);
    this.element = element('tr', { dataset: { symbol } }, th, line, this.#open, this.#price, this.#points, this.#percent);
  }

  /** @param {import('./market.js').Quote} quote @param {number} now */
  draw(quote, now) {
    const points = quote.price - quote.open;
    put(this.#name, quote.name);
    put(this.#open, number.format(quote.open));
    const moved = put(this.#price, number.format(quote.price));
    put(this.#points, signed(points));
    put(this.#percent, `${points < 0 ? '▼' : points > 0 ? '▲' : '='} ${signed(change(quote))} %`);
    this.element.dataset.trend = points < 0 ? 'down' : points > 0 ? 'up' : 'same';
    this.#line.setAttribute('points', quote.line.points(BOX.width, BOX.height));
    if (moved && quote.moved !== 0) this.#flash(quote.moved, now);
  }

  #flash(moved, now) {
    if (still.matches || now - this.#flashed < FLASH_EVERY) return;
    this.#flashed = now;
    const colour = moved > 0 ? 'var(--good-soft)' : 'var(--bad-soft)';
    this.#price.animate({ backgroundColor: [colour, colour, 'transparent'] }, 700);
  }
}

/** @returns {boolean} whether there was another text before, and not none */
function put(cell, text) {
  const before = cell.textContent;
  if (before === text) return false;
  cell.textContent = text;
  return before !== '';
}
