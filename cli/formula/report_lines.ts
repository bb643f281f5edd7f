import { isoMinute } from '../../shared/bar.ts';
import { countValues, QUANTILES } from '../../trainer/learning/formula_trial/distribution.ts';
import type { FormulaReport } from '../../trainer/learning/formula_trial/formula_report.ts';
import type { FormulaValues } from '../../trainer/learning/formula_trial/formula_values.ts';
import type { LabelRelation } from '../../trainer/learning/formula_trial/label_relation.ts';

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
function shown(value: number): string {
  return value === 0 ? '0' : String(Number(value.toPrecision(4)));
}

const LAST_VALUES = 5;
const QUANTILE_NAMES = ['min', '1 %', '5 %', '25 %', 'median', '75 %', '95 %', '99 %', 'max'];
/** The picture leaves out the rarest values, which would flatten the others. */
const LOW = QUANTILES.indexOf(0.01);
const HIGH = QUANTILES.indexOf(0.99);

function labelLine({ rows, before, auc, standard_error, correlation }: LabelRelation): string {
  return `label of AI1: AUC ${auc.toFixed(3)} ± ${standard_error.toFixed(3)}, correlation ${correlation.toFixed(3)}, of ${rows} candidates before ${before}; the holdout is not looked at`;
}

/** The report for people. @param first index of the first bar that is wanted */
export function reportLines(report: FormulaReport, all: FormulaValues, first: number, isPlotted: boolean): string[] {
  const { distribution } = report;
  const values = all.values.subarray(first);
  const time = all.time.subarray(first);
  const lines = [
    report.formula,
    `${report.subject} · ${report.unit} · looks back over ${report.look_back_bars} bars · keeps ${report.window_numbers} numbers`,
    `${report.computations} computations, ${report.microseconds_per_bar.toFixed(3)} µs per bar (in blocks, on this machine)`,
  ];
  if (report.from === null) return [...lines, 'no bars in this period'];
  lines.push(
    `${distribution.bars} bars, ${report.from} … ${report.to}; ${distribution.bars - distribution.values} of them without a value`,
  );
  if (distribution.quantiles === null) return lines;
  const quantiles = distribution.quantiles;
  lines.push('', quantiles.map((value, i) => `${QUANTILE_NAMES[i]} ${shown(value)}`).join('   '));
  lines.push(`mean ${shown(distribution.mean!)}   std ${distribution.std === null ? '–' : shown(distribution.std)}`);
  if (report.label !== null) lines.push('', labelLine(report.label));
  if (isPlotted) {
    lines.push('', ...timePicture(values, quantiles[LOW]!, quantiles[HIGH]!));
    lines.push('', ...histogram(values, quantiles[LOW]!, quantiles[HIGH]!));
  }
  lines.push('', 'the last values:');
  for (let i = Math.max(0, values.length - LAST_VALUES); i < values.length; i++)
    lines.push(`${isoMinute(time[i]!)}  ${Number.isNaN(values[i]!) ? 'missing' : values[i]}`);
  return lines;
}
