// Numbers as people read them, and axes that end on round ones.

const scaled = (value, base, units) => {
  let index = 0;
  while (value >= base && index < units.length - 1) {
    value /= base;
    index += 1;
  }
  return { value, unit: units[index] };
};

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

export const percent = (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`;

export function bytes(value) {
  const { value: shown, unit } = scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
  return `${unit === 'B' ? shown.toFixed(0) : digits(shown)} ${unit}`;
}

const RATES = ['B/s', 'kB/s', 'MB/s', 'GB/s'];

export function rate(value) {
  const { value: shown, unit } = scaled(value, 1000, RATES);
  return `${unit === 'B/s' ? shown.toFixed(0) : digits(shown)} ${unit}`;
}

/** For an axis, whose numbers are round: without the zeros behind the point. */
export function roundRate(value) {
  const { value: shown, unit } = scaled(value, 1000, RATES);
  return `${+shown.toFixed(2)} ${unit}`;
}

export const average = (value) => value.toFixed(value < 10 ? 2 : 1);

/**
 * The ticks of an axis from 0 that holds `max`: round numbers, at most five of them; the last is the axis' end.
 * @param {number} max
 * @param {number} unit what the numbers shall be round in (1; 1024³ for GiB)
 */
export function ticks(max, unit = 1) {
  const top = Math.max(max / unit, Number.MIN_VALUE);
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.9999);
  const count = Math.ceil(top / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * step * unit);
}

const HOURS = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const SECONDS = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** The time of day. @param {number} time in milliseconds @param {boolean} [seconds] */
export const clock = (time, seconds = false) => (seconds ? SECONDS : HOURS).format(time);
