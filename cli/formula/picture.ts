import { countValues } from '../../trainer/learning/formula_trial/distribution.ts';

const WIDTH = 72;
const HEIGHT = 12;
const BINS = 12;
const BAR_WIDTH = 48;

/**
 * A picture of values over time for a terminal: of each column of bars the range from the least to the greatest value,
 * and their mean. Values outside of `low` … `high` are drawn at the edge.
 */
export function timePicture(values: Float64Array, low: number, high: number): string[] {
  const rows = Array.from({ length: HEIGHT }, () => new Array<string>(WIDTH).fill(' '));
  const range = high > low ? high - low : 1;
  const rowOf = (value: number): number =>
    HEIGHT - 1 - Math.max(0, Math.min(HEIGHT - 1, Math.floor(((value - low) / range) * HEIGHT)));
  for (let x = 0; x < WIDTH; x++) {
    const begin = Math.floor((x * values.length) / WIDTH);
    const end = Math.floor(((x + 1) * values.length) / WIDTH);
    const known = values.subarray(begin, end).filter((value) => !Number.isNaN(value));
    if (known.length === 0) continue;
    let least = Infinity;
    let greatest = -Infinity;
    let sum = 0;
    for (const value of known) {
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
      sum += value;
    }
    for (let y = rowOf(greatest); y <= rowOf(least); y++) rows[y]![x] = '│';
    rows[rowOf(sum / known.length)]![x] = '•';
  }
  const labels = rows.map((_, y) => (y === 0 ? shown(high) : y === HEIGHT - 1 ? shown(low) : ''));
  const width = Math.max(...labels.map((label) => label.length));
  return rows.map((row, y) => `${labels[y]!.padStart(width)} ┤${row.join('')}`.trimEnd());
}

/** Bars whose lengths show how many values lie in each part of `low` … `high`; the outer ones take what is beyond. */
export function histogram(values: Float64Array, low: number, high: number): string[] {
  const counts = countValues(values, low, high, BINS);
  const width = high > low ? (high - low) / BINS : 1;
  const most = Math.max(1, ...counts);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const labels = counts.map((_, i) => shown(low + i * width));
  const room = Math.max(...labels.map((label) => label.length));
  return counts.map((count, i) => {
    const length = Math.round((BAR_WIDTH * count) / most);
    const share = ((100 * count) / Math.max(1, total)).toFixed(1);
    return `${labels[i]!.padStart(room)} ┤${'█'.repeat(length)} ${share} %`;
  });
}

/** Four significant digits. */
export function shown(value: number): string {
  return value === 0 ? '0' : String(Number(value.toPrecision(4)));
}
