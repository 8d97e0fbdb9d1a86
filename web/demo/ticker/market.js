// What is known of each symbol, and which of them have news for the screen. No page in here: it takes every update, however many
// there are, and does no more than put it in its place.

import { Line } from './line.js';

/** Whoever may publish may invent symbols. */
const MOST = 200;
const MAX_NAME = 60;

/**
 * @typedef {object} Quote
 * @property {string} symbol
 * @property {string} name empty until it is told
 * @property {number} price
 * @property {number} open what it was in the beginning
 * @property {number} time milliseconds since 1970
 * @property {number} moved 1: up, -1: down, since what was looked at last; 0: not at all
 * @property {Line} line
 */

export class Market {
  /** @type {Map<string, Quote>} */
  quotes = new Map();
  /** What is not on the screen yet. @type {Set<string>} */
  changed = new Set();
  /** When the newest price was made. */
  newest = 0;

  /**
   * Takes what an event says: its topic says whose price it is.
   *
   * @param {{ topics?: string[], json: () => any }} event
   * @returns {boolean} false: that was no price
   */
  take(event) {
    const symbol = event.topics?.[0]?.match(/^\/demo\/ticker\/([A-Z]{1,8})$/)?.[1];
    let data;
    try {
      data = event.json();
    } catch {
      return false;
    }
    if (!symbol || ![data?.price, data?.open].every((value) => Number.isFinite(value) && value > 0)) return false;
    if (!Number.isFinite(data.time)) return false;
    let quote = this.quotes.get(symbol);
    if (!quote) {
      if (this.quotes.size >= MOST) return false;
      quote = { symbol, name: '', price: data.price, open: data.open, time: data.time, moved: 0, line: new Line() };
      this.quotes.set(symbol, quote);
    }
    if (typeof data.name === 'string') quote.name = data.name.slice(0, MAX_NAME);
    quote.moved = Math.sign(data.price - quote.price) || quote.moved;
    quote.price = data.price;
    quote.open = data.open;
    quote.time = data.time;
    quote.line.add(data.time, data.price);
    this.newest = data.time;
    this.changed.add(symbol);
    return true;
  }

  /** What came before is not joined with what comes now: in between, something is missing. */
  breakLines() {
    for (const { symbol, line } of this.quotes.values()) {
      line.clear();
      this.changed.add(symbol);
    }
  }
}

/** By how much of itself a price is off what it was in the beginning, in percent. @param {{ price: number, open: number }} quote */
export const change = ({ price, open }) => ((price - open) / open) * 100;

/** @param {Iterable<Quote>} quotes */
export function breadth(quotes) {
  let up = 0;
  let down = 0;
  for (const { price, open } of quotes) {
    if (price > open) up += 1;
    else if (price < open) down += 1;
  }
  return { up, down };
}

const words = (quote) => `${quote.name || quote.symbol}, ${change(quote) < 0 ? 'down' : 'up'} ${Math.abs(change(quote)).toFixed(2)} percent at ${quote.price.toFixed(2)}`;

/** The whole table in three sentences, for those who cannot, or will not, watch it. @param {Quote[]} quotes */
export function summary(quotes) {
  if (quotes.length === 0) return 'There are no prices yet.';
  const { up, down } = breadth(quotes);
  const sorted = quotes.toSorted((one, other) => change(one) - change(other));
  const same = quotes.length - up - down;
  return `Of ${quotes.length} symbols ${up} are up, ${down} are down${same ? `, ${same} unchanged` : ''}. `
    + `Highest: ${words(sorted.at(-1))}. Lowest: ${words(sorted[0])}.`;
}
