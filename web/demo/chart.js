// A line chart of the last two minutes, in SVG: sharp on every screen, and its colours are the style sheet's.

export const SPAN_MS = 120_000;
// Readings come every second; where two are further apart than this, the line breaks: nothing was measured there.
const GAP_MS = 2_500;
const MARGIN = { top: 8, right: 10, bottom: 22, left: 66 };
const NAMESPACE = 'http://www.w3.org/2000/svg';

const svg = (name, attributes, text) => {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

/**
 * @typedef {import('./points.js').Point} Point
 * @typedef {{ name: string, value: (point: Point) => number }} Series
 */

export class Chart {
  #figure;
  #drawing;
  #options;
  #values;
  #points = [];

  /**
   * @param {HTMLElement} figure with a figcaption, its .legend, and an svg
   * @param {{ title: string, series: Series[], format: (value: number) => string, label?: (value: number) => string,
   *   ticks: (points: Point[]) => number[], max?: (points: Point[]) => number }} options `label` is the shorter form that
   *   stands at the axis; the axis ends at its last tick, or at `max` where there is one
   */
  constructor(figure, options) {
    this.#figure = figure;
    this.#drawing = figure.querySelector(':scope > svg');
    this.#options = options;
    const legend = figure.querySelector('.legend');
    this.#values = options.series.map(({ name }, index) => {
      const entry = document.createElement('span');
      const sample = svg('svg', { 'aria-hidden': 'true', viewBox: '0 0 22 8' });
      sample.append(svg('path', { class: `series series-${index}`, d: 'M1 4H21' }));
      const value = document.createElement('b');
      value.textContent = '–';
      entry.append(sample, `${name} `, value);
      legend.append(entry);
      return value;
    });
    new ResizeObserver(() => this.draw(this.#points)).observe(this.#drawing);
  }

  /** @param {Point[]} points oldest first */
  draw(points) {
    this.#points = points;
    const { series, format, label = format, title } = this.#options;
    const { width, height } = this.#drawing.getBoundingClientRect();
    if (width === 0) return;
    const latest = points.at(-1);
    const ticks = this.#options.ticks(points);
    const top = this.#options.max?.(points) || ticks.at(-1);
    const plot = { right: width - MARGIN.right, bottom: height - MARGIN.bottom };
    const x = (time) => plot.right - ((latest.time - time) / SPAN_MS) * (plot.right - MARGIN.left);
    const y = (value) => plot.bottom - (Math.min(value, top) / top) * (plot.bottom - MARGIN.top);

    const parts = [];
    for (const tick of ticks) {
      const at = Math.round(y(tick)) + 0.5;
      parts.push(svg('path', { class: 'grid', d: `M${MARGIN.left} ${at}H${plot.right}` }));
      parts.push(svg('text', { class: 'tick', x: MARGIN.left - 8, y: at + 4, 'text-anchor': 'end' }, label(tick)));
    }
    const times = [['−2 min', 0, 'start'], ['−1 min', 0.5, 'middle'], ['now', 1, 'end']];
    for (const [text, part, anchor] of times) {
      const at = MARGIN.left + part * (plot.right - MARGIN.left);
      parts.push(svg('text', { class: 'tick', x: at, y: height - 5, 'text-anchor': anchor }, text));
    }
    if (latest) {
      series.forEach(({ value }, index) => {
        for (const run of unbroken(points)) {
          const line = run.map((point) => `${x(point.time).toFixed(1)} ${y(value(point)).toFixed(1)}`).join('L');
          if (index === 0) {
            const [from, to] = [x(run[0].time).toFixed(1), x(run.at(-1).time).toFixed(1)];
            const area = `M${from} ${plot.bottom}L${line}L${to} ${plot.bottom}Z`;
            parts.push(svg('path', { class: 'area series-0', d: area }));
          }
          // A lone point is a line of no length, which round caps make a dot.
          parts.push(svg('path', { class: `series series-${index}`, d: `M${line}${run.length === 1 ? 'h0' : ''}` }));
        }
        this.#values[index].textContent = format(value(latest));
      });
      const said = series.map(({ name, value }) => `${name} ${format(value(latest))}`).join(', ');
      this.#drawing.setAttribute('aria-label', `${title}, last two minutes; now ${said}`);
    }
    this.#drawing.replaceChildren(...parts);
  }
}

/** The points, cut where nothing was measured. */
function unbroken(points) {
  const runs = [];
  points.forEach((point, index) => {
    if (index === 0 || point.time - points[index - 1].time > GAP_MS) runs.push([]);
    runs.at(-1).push(point);
  });
  return runs;
}
