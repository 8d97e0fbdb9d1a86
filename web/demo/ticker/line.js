// The last two minutes of a price, and the small line that is drawn of them.

/** As long as the hub retains prices: after a reload the lines are whole again. */
const SPAN = 120_000;
/** So many values make a line, however many updates there are. */
const POINTS = 60;
const STEP = SPAN / POINTS;

export class Line {
  /** The last price of each step, oldest first. @type {number[]} */
  #values = [];
  /** The step of the last value. */
  #step = 0;

  /**
   * @param {number} time milliseconds since 1970
   * @param {number} price
   */
  add(time, price) {
    const step = Math.floor(time / STEP);
    const passed = this.#values.length === 0 ? 1 : step - this.#step;
    if (passed > 0) {
      // A price that nobody told of has not changed.
      const last = this.#values.at(-1) ?? price;
      for (let index = 1; index < Math.min(passed, POINTS); index += 1) this.#values.push(last);
      this.#values.push(price);
      this.#values.splice(0, this.#values.length - POINTS);
      this.#step = step;
    } else {
      this.#values[this.#values.length - 1] = price;
    }
  }

  clear() {
    this.#values = [];
  }

  /** The `points` of an SVG `polyline` in this box; the newest stands at its right edge. @param {number} width @param {number} height */
  points(width, height) {
    const values = this.#values;
    const low = Math.min(...values);
    const range = Math.max(...values) - low;
    const step = width / (POINTS - 1);
    const left = width - (values.length - 1) * step;
    return values.map((value, index) => {
      // What never moved runs through the middle.
      const y = range === 0 ? height / 2 : height - ((value - low) / range) * height;
      return `${(left + index * step).toFixed(1)},${y.toFixed(1)}`;
    }).join(' ');
  }
}
