// What of the readings is beyond its threshold: in words, at the charts, and once for those who listen to the page.

import { byId } from '../shared/shell.js';
import { clock } from './format.js';
import { Watch } from './watch.js';

/** @typedef {import('./chart.js').Chart} Chart */

export class Alerts {
  #charts;
  #points;
  #watch = new Watch();
  /** Up to which reading each chart has been looked at. @type {Map<Chart, import('../shared/points.js').Point | undefined>} */
  #looked = new Map();

  /**
   * @param {Chart[]} charts
   * @param {import('../shared/points.js').Points} points
   */
  constructor(charts, points) {
    this.#charts = charts;
    this.#points = points;
  }

  /** The chart has another threshold: all that is here is looked at again. @param {Chart} chart */
  again(chart) {
    this.#looked.delete(chart);
    for (const { name } of chart.watched) this.#watch.forget(nameOf(chart, name));
  }

  show() {
    const lines = this.#charts.flatMap((chart) => this.#look(chart));
    const { beyond, back } = this.#watch.news();
    const said = [...beyond.map((name) => `${name}: above its threshold.`), ...back.map((name) => `${name}: back to normal.`)];
    if (said.length > 0) byId('said').textContent = said.join(' ');
    const shown = lines.join('; ') || 'Nothing is above its threshold.';
    byId('alerts').dataset.any = String(lines.length > 0);
    if (byId('alerts').textContent !== shown) byId('alerts').textContent = shown;
  }

  /** @param {Chart} chart */
  #look(chart) {
    const all = this.#points.all;
    const { threshold, watched } = chart;
    const fresh = all.slice(all.indexOf(this.#looked.get(chart)) + 1);
    this.#looked.set(chart, all.at(-1));
    for (const point of fresh) {
      for (const { name, value } of watched) this.#watch.look(nameOf(chart, name), value(point), threshold, point.time);
    }
    const beyond = watched.filter(({ name }) => this.#watch.since(nameOf(chart, name)) !== undefined);
    chart.mark(beyond.map(({ index }) => index));
    return beyond.map(({ name }) =>
      `${nameOf(chart, name)}: above ${chart.format(threshold)} since ${clock(this.#watch.since(nameOf(chart, name)), true)}`);
  }
}

/** @param {Chart} chart @param {string} series */
const nameOf = (chart, series) => `${chart.title}, ${series}`;
