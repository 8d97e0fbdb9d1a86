// What the dashboard shows of a reading: its four charts.

import { average, bytes, percent, rate, roundRate, ticks } from './format.js';

const GIB = 1024 ** 3;

/** @type {import('./chart.js').Options[]} */
export const PANELS = [
  {
    id: 'cpu',
    title: 'CPU',
    series: [
      { name: 'all cores', value: ({ cpu }) => cpu.total },
      // One core at its end is common, and no reason for an alert.
      { name: 'busiest core', value: ({ cpu }) => Math.max(...cpu.cores), unwatched: true },
    ],
    format: percent,
    label: (value) => `${value} %`,
    ticks: () => [0, 25, 50, 75, 100],
    threshold: { unit: '%', value: '90', of: (amount) => amount },
  },
  {
    id: 'memory',
    title: 'Memory',
    series: [{ name: 'used', value: ({ memory }) => memory.used }],
    format: bytes,
    label: (value) => `${+(value / GIB).toFixed(2)} GiB`,
    // What there is, is where the axis ends, round or not.
    ticks: (_, { memory }) => ticks(memory.total || GIB, GIB).filter((tick) => tick <= (memory.total || GIB)),
    top: ({ memory }) => memory.total || GIB,
    threshold: { unit: '%', value: '90', of: (amount, { memory }) => (amount / 100) * memory.total },
  },
  {
    id: 'load',
    title: 'Load average',
    // The longer averages follow the shortest one: one alert will do.
    series: ['1 min', '5 min', '15 min'].map((name, index) => ({ name, value: ({ load }) => load[index], unwatched: index > 0 })),
    format: average,
    label: (value) => String(+value.toFixed(2)),
    ticks: (max) => ticks(Math.max(1, max)),
    threshold: { unit: 'a core', value: '1', of: (amount, { cpu }) => amount * cpu.cores.length },
  },
  {
    id: 'network',
    title: 'Network',
    series: [
      { name: 'received', value: ({ network }) => network.received },
      { name: 'sent', value: ({ network }) => network.sent },
    ],
    format: rate,
    label: roundRate,
    ticks: (max) => ticks(Math.max(1_000, max)),
    threshold: { unit: 'MB/s', value: '', of: (amount) => amount * 1_000_000 },
  },
];
