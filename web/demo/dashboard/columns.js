// From readings to what a chart draws: a column of times, and one of values for each series.

/** Readings come every second; where two are further apart than this, nothing was measured, and the line has a hole. */
export const HOLE_MS = 2_500;

/**
 * @param {import('../shared/points.js').Point[]} points in the order of their arrival
 * @param {((point: import('../shared/points.js').Point) => number)[]} values one a series
 * @returns {(number | null)[][]} the times, in milliseconds and rising; then the values, null for a hole
 */
export function columns(points, values) {
  // An axis goes one way. Where the machine's clock was set back, what it said before that gives way.
  const rising = [];
  let next = Infinity;
  for (const point of points.toReversed()) {
    if (point.time >= next) continue;
    rising.push(point);
    next = point.time;
  }
  rising.reverse();

  const times = [];
  const series = values.map(() => /** @type {(number | null)[]} */ ([]));
  rising.forEach((point, index) => {
    const before = rising[index - 1]?.time ?? point.time;
    if (point.time - before > HOLE_MS) {
      times.push(before + 1);
      for (const column of series) column.push(null);
    }
    times.push(point.time);
    series.forEach((column, which) => column.push(values[which](point)));
  });
  return [times, ...series];
}
