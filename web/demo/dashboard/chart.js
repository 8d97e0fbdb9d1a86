// One chart: uPlot draws it; around it a legend, a threshold to set, and a cursor for the mouse and for the keyboard.

import uPlot from '/demo/vendor/uplot/uPlot.esm.js';
import { element } from '../shared/shell.js';
import { columns } from './columns.js';
import { clock } from './format.js';

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Series differ in more than their colour. */
const DASHES = [[], [7, 4], [2, 3]];
const MINUTE = 60_000;
const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {import('../shared/points.js').Point} Point
 *
 * @typedef {object} Series
 * @property {string} name
 * @property {(point: Point) => number} value
 * @property {boolean} [unwatched] the threshold is not for it
 *
 * @typedef {object} Options
 * @property {string} id
 * @property {string} title
 * @property {Series[]} series
 * @property {(value: number, latest: Point) => string} format
 * @property {(value: number) => string} label the shorter form that stands at the axis
 * @property {(max: number, latest: Point) => number[]} ticks from 0, for values up to `max`
 * @property {(latest: Point) => number} [top] where the axis ends; else at its last tick
 * @property {{ unit: string, value: string, of: (amount: number, latest: Point) => number }} threshold what stands in its field
 *   at first, and which value that is
 */

export class Chart {
  element;
  #options;
  #plot;
  #input;
  #when = element('span', { class: 'when' });
  /** @type {HTMLElement[]} */
  #entries;
  /** @type {uPlot | null} */
  #u = null;
  #size = { width: 0, height: 0 };
  #columns = /** @type {(number | null)[][]} */ ([[]]);
  #ticks = [0];
  /** @type {Point | undefined} */
  #latest;
  /** The time that the keyboard's cursor is at. @type {number | null} */
  #held = null;

  /**
   * @param {Options} options
   * @param {unknown} entered what stood in the threshold's field on an earlier visit
   * @param {{ resized: () => void, threshold: (chart: Chart) => void }} on it wants to be drawn again
   */
  constructor(options, entered, on) {
    this.#options = options;
    this.#entries = options.series.map(({ name }, index) => {
      const sample = document.createElementNS(SVG, 'svg');
      sample.setAttribute('viewBox', '0 0 22 8');
      sample.setAttribute('aria-hidden', 'true');
      const line = sample.appendChild(document.createElementNS(SVG, 'path'));
      line.setAttribute('class', `series-${index}`);
      line.setAttribute('d', 'M1 4H21');
      return element('span', { class: 'entry' }, sample, `${name} `, element('b', null, '–'));
    });
    this.#plot = element('div', {
      class: 'plot', tabIndex: 0, role: 'slider', 'aria-label': `${options.title} over time`, 'aria-orientation': 'horizontal',
      'aria-valuemin': '0', 'aria-valuemax': '0', 'aria-valuenow': '0', 'aria-valuetext': 'no reading yet',
    });
    // It takes no text that is no number.
    const value = typeof entered === 'string' ? entered : options.threshold.value;
    this.#input = element('input', { type: 'number', min: '0', step: 'any', value, placeholder: 'none' });
    this.element = element('figure', { class: 'card', id: options.id, dataset: { beyond: 'false' } },
      element('figcaption', null, element('h2', null, options.title), this.#when, element('div', { class: 'legend' }, ...this.#entries)),
      this.#plot,
      element('label', { class: 'threshold' }, 'Alert above ', this.#input, ` ${options.threshold.unit}`,
        element('span', { class: 'hidden' }, ` (${options.title})`)),
    );
    this.#input.addEventListener('input', () => on.threshold(this));
    this.#plot.addEventListener('keydown', (event) => this.#key(event));
    this.#plot.addEventListener('blur', () => this.#hold(null));
    new ResizeObserver(([{ contentRect: { width, height } }]) => {
      this.#size = { width: Math.floor(width), height: Math.floor(height) };
      on.resized();
    }).observe(this.#plot);
  }

  get title() {
    return this.#options.title;
  }

  /** What stands in the threshold's field. */
  get entered() {
    return this.#input.value;
  }

  /** As a value of the series; null: there is none. */
  get threshold() {
    const amount = this.#input.valueAsNumber;
    return Number.isFinite(amount) && this.#latest ? this.#options.threshold.of(amount, this.#latest) : null;
  }

  /** The series that the threshold is for. */
  get watched() {
    return this.#options.series.map((series, index) => ({ ...series, index })).filter(({ unwatched }) => !unwatched);
  }

  /** @param {number} value */
  format(value) {
    return this.#latest ? this.#options.format(value, this.#latest) : '';
  }

  /**
   * Marks the series that are beyond the threshold.
   *
   * @param {number[]} indexes
   */
  mark(indexes) {
    this.element.dataset.beyond = String(indexes.length > 0);
    this.#entries.forEach((entry, index) => entry.classList.toggle('beyond', indexes.includes(index)));
  }

  /**
   * @param {Point[]} points in the order of their arrival
   * @param {number} span how much of the time before the newest is shown, in milliseconds
   */
  draw(points, span) {
    const { width, height } = this.#size;
    this.#latest = points.at(-1);
    if (width === 0 || !this.#latest) return;
    const { series, ticks, top } = this.#options;
    const { time } = this.#latest;
    this.#columns = columns(points, series.map(({ value }) => value));
    const largest = Math.max(this.threshold ?? 0, ...this.#columns.slice(1).flat().filter((value) => value !== null));
    this.#ticks = ticks(largest, this.#latest);
    const max = top?.(this.#latest) ?? this.#ticks.at(-1);

    const u = (this.#u ??= this.#make(width, height));
    if (u.width !== width || u.height !== height) u.setSize({ width, height });
    u.setData(/** @type {any} */ (this.#columns), false);
    u.setScale('y', { min: 0, max });
    u.setScale('x', { min: time - span, max: time });
    this.#say();
  }

  /** Once all are drawn: the keyboard's cursor stays with its time, until that has left the chart. */
  keep() {
    if (this.#held !== null) this.#hold(this.#held < this.#u.scales.x.min ? null : this.#held);
  }

  #make(width, height) {
    const { series, label } = this.#options;
    const grid = { stroke: () => colour('--line'), width: 1 };
    const axis = { stroke: () => colour('--muted'), font: FONT, grid, ticks: { show: false } };
    return new uPlot({
      width,
      height,
      ms: 1,
      padding: [10, 12, 0, 0],
      legend: { show: false },
      scales: { x: { time: true, auto: false }, y: { auto: false } },
      axes: [
        { ...axis, size: 26, space, values: (_, times, __, ___, step) => times.map((time) => clock(time, step < MINUTE)) },
        { ...axis, size: 66, splits: () => this.#ticks, values: (_, values) => values.map(label) },
      ],
      series: [{}, ...series.map((_, index) => ({
        width: index === 0 ? 2 : 1.5,
        stroke: (u) => this.#stroke(u, index),
        fill: index === 0 ? () => `${colour('--series-0')}1f` : undefined,
        dash: DASHES[index],
        cap: /** @type {const} */ ('round'),
        points: { show: false },
      }))],
      cursor: {
        y: false,
        drag: { x: false, y: false },
        // One time under all of them.
        sync: { key: 'time' },
        points: { size: 8, width: 2, fill: (_, index) => colour(`--series-${index - 1}`), stroke: () => colour('--surface') },
      },
      hooks: { setCursor: [() => this.#say()], draw: [(u) => this.#line(u)] },
    }, [[]], this.#plot);
  }

  /** A series is in its own colour, and in that of an alert where it is beyond the threshold. */
  #stroke(u, index) {
    const own = colour(`--series-${index}`);
    const { threshold } = this;
    if (threshold === null || this.#options.series[index].unwatched) return own;
    const { top, height } = u.bbox;
    const place = Math.min(1, Math.max(0, (u.valToPos(threshold, 'y', true) - top) / height));
    const gradient = u.ctx.createLinearGradient(0, top, 0, top + height);
    for (const [stop, of] of /** @type {const} */ ([[0, colour('--bad')], [place, colour('--bad')], [place, own], [1, own]])) {
      gradient.addColorStop(stop, of);
    }
    return gradient;
  }

  /** The threshold. */
  #line(u) {
    const { threshold } = this;
    if (threshold === null || threshold > u.scales.y.max) return;
    const { ctx, bbox: { left, width } } = u;
    const y = Math.round(u.valToPos(threshold, 'y', true));
    ctx.save();
    ctx.strokeStyle = colour('--bad');
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.restore();
  }

  /** The values at the cursor, or the newest ones. */
  #say() {
    const index = this.#u?.cursor.idx ?? null;
    const at = index === null ? this.#columns[0].length - 1 : index;
    const values = this.#columns.slice(1).map((column) => column[at]);
    const time = index === null ? null : this.#columns[0][at];
    put(this.#when, time === null ? '' : clock(time, true));
    const texts = values.map((value) => (value === null || value === undefined ? '–' : this.format(value)));
    this.#entries.forEach((entry, which) => put(entry.lastElementChild, texts[which]));
    // Who listens to the page and holds a place in the chart is not told each second that it moved on.
    if (document.activeElement === this.#plot && this.#held === null) return;
    const said = this.#options.series.map(({ name }, which) => `${name} ${texts[which]}`).join(', ');
    this.#plot.setAttribute('aria-valuemax', String(this.#columns[0].length - 1));
    this.#plot.setAttribute('aria-valuenow', String(at));
    this.#plot.setAttribute('aria-valuetext', `${time === null ? 'now' : clock(time, true)}: ${said}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const times = this.#columns[0];
    const here = this.#u?.cursor.idx ?? times.length - 1;
    const first = times.findIndex((time) => time >= (this.#u?.scales.x.min ?? 0));
    const steps = { ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1, PageUp: here + 30, PageDown: here - 30, Home: first, End: times.length - 1 };
    if (event.key === 'Escape') this.#hold(null);
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey || times.length === 0) return;
    event.preventDefault();
    this.#hold(times[Math.min(times.length - 1, Math.max(first, steps[event.key]))]);
  }

  /** @param {number | null} time */
  #hold(time) {
    const had = this.#held !== null;
    this.#held = time;
    if (!this.#u || (time === null && !had)) return;
    this.#u.setCursor({ left: time === null ? -10 : this.#u.valToPos(time, 'x'), top: time === null ? -10 : 1 }, true, true);
  }
}

/** How far apart times stand: those with seconds are wider, and stand where half a minute or less is between two. */
const space = (_, __, min, max, width) => (44 * (max - min) > (MINUTE / 2) * width ? 44 : 76);

/** What the style sheet says now: it differs by day and by night. @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** @param {Element} target @param {string} text */
function put(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
