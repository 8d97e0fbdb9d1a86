// The last half minute, drawn: when there was a connection, and when each event was published. A cut is a gap above, not below.

const SPAN_MS = 30_000;
/** Smooth enough for a line that moves some 30 pixels a second. */
const STEP_MS = 33;
const BAR = { y: 14, height: 10 };
const DOTS = { y: 58, radius: 5 };
const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {{ from: number, to: number | null, shape: SVGElement }} Bar */

export class Timeline {
  #svg;
  #moving = svg('g', {});
  #width = 0;
  /** @type {Bar[]} */
  #bars = [];
  /** @type {{ time: number, shape: SVGElement }[]} */
  #dots = [];
  /** The page's clock minus the hub's: as much as the fastest event shows. */
  #ahead = Infinity;
  #seen = true;

  /** @param {SVGSVGElement} target */
  constructor(target) {
    this.#svg = target;
    target.append(
      svg('path', { class: 'rail', d: `M0 ${BAR.y + BAR.height / 2}H4000` }),
      svg('path', { class: 'rail', d: `M0 ${DOTS.y}H4000` }),
      this.#moving,
    );
    new ResizeObserver(([{ contentRect }]) => {
      this.#width = contentRect.width;
      this.#place();
    }).observe(target);
    new IntersectionObserver(([{ isIntersecting }]) => (this.#seen = isIntersecting)).observe(target);
    const calm = matchMedia('(prefers-reduced-motion: reduce)');
    let last = 0;
    const move = (now) => {
      // Frames come only while the tab is looked at.
      requestAnimationFrame(move);
      if (!this.#seen || now - last < (calm.matches ? 1_000 : STEP_MS)) return;
      last = now;
      this.#place();
    };
    requestAnimationFrame(move);
  }

  /** There is a connection from now on. */
  open() {
    this.cut();
    this.#bars.push({ from: Date.now(), to: null, shape: this.#moving.appendChild(svg('rect', { class: 'bar', y: BAR.y, height: BAR.height, rx: 5 })) });
    this.#place();
  }

  /** There is none any more. */
  cut() {
    const bar = this.#bars.at(-1);
    if (bar && bar.to === null) bar.to = Date.now();
    this.#place();
  }

  /**
   * An event has come.
   *
   * @param {number} published when, by the hub's clock, in milliseconds
   * @param {boolean} late it was published while there was no connection
   */
  event(published, late) {
    if (!late) this.#ahead = Math.min(this.#ahead, Date.now() - published);
    const time = published + (Number.isFinite(this.#ahead) ? this.#ahead : 0);
    this.#dots.push({ time, shape: this.#moving.appendChild(svg('circle', { class: late ? 'late' : 'live', cy: DOTS.y, r: DOTS.radius })) });
    this.#place();
  }

  #place() {
    const now = Date.now();
    const x = (time) => this.#width * (1 - (now - time) / SPAN_MS) - DOTS.radius - 2;
    const gone = (time) => time !== null && now - time > SPAN_MS * 1.2;
    while (this.#dots.length > 0 && gone(this.#dots[0].time)) this.#dots.shift().shape.remove();
    while (this.#bars.length > 1 && gone(this.#bars[0].to)) this.#bars.shift().shape.remove();
    for (const { time, shape } of this.#dots) shape.setAttribute('cx', x(time).toFixed(1));
    for (const { from, to, shape } of this.#bars) {
      const start = Math.max(-20, x(from));
      shape.setAttribute('x', start.toFixed(1));
      shape.setAttribute('width', Math.max(2, x(to ?? now) - start).toFixed(1));
    }
  }
}

function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
