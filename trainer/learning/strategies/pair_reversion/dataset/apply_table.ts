import { MinutehandError } from '../../../../../shared/errors.ts';
import type { PairBuild } from './pair_build.ts';
import type { PairHistory } from '../../../history/pair_history.ts';
import { RISK_PARTS, type BarLabels, type PairLabels } from '../label/pair_labels.ts';
import { outsideColumns, refuseEarlyColumns } from '../../../feature_table/outside_columns.ts';
import type { FeatureSource, LabelColumn, TableRows } from '../../../feature_table/feature_table.ts';

/** A pair whose features are those of a table. */
export interface TabledBuild extends PairBuild {
  /** Columns whose values are not those that the daemon computes. */
  readonly outside: readonly string[];
}

/**
 * Replaces a pair's features, and its labels if present, by those of a table. Prices, z and the evaluation label come
 * from the bars, so evaluation does not depend on the table.
 * @param names of the columns
 * @throws MinutehandError DATA_MISSING if the table lacks a row that the models need; TABLE_FORMAT if a label ends at
 * no bar; FEATURE_FORESIGHT; TABLE_SCHEMA where columns have other values than the features of these names
 */
export async function applyTable(
  source: FeatureSource,
  build: PairBuild,
  names: readonly string[],
): Promise<TabledBuild> {
  const { history, labels } = build;
  const table = await source.rows(history.pair.id);
  const place = `${source.place}, ${history.pair.id}`;
  const at = placesOf(history, table);
  const lacking = history.row.reduce((count, row, t) => count + (row >= 0 && at[t]! < 0 ? 1 : 0), 0);
  if (table === null || lacking > 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `${place}: ${table === null ? 'no rows' : `${lacking} of ${history.rows} rows are missing`}`,
      expected: 'a row for each bar that a model is asked about',
      next: 'Write the table again from the same bars: `minutehand dataset export`.',
    });
  const features = takeFeatures(history, table, at);
  const outside = outsideColumns(history.features, features, names);
  refuseEarlyColumns(history, features, outside, names, place);
  checkValues(place, names, history, table, at);
  return {
    outside,
    history: { ...history, features },
    labels: table.labels === null ? labels : takeLabels(place, history, labels, table.labels, at),
  };
}

/** Row of each bar in the table; −1 if absent. */
function placesOf({ time, length }: PairHistory, table: TableRows | null): Int32Array {
  const places = new Int32Array(length).fill(-1);
  if (table === null) return places;
  for (let t = 0, i = 0; t < length; t++) {
    while (i < table.length && table.time[i]! < time[t]!) i++;
    if (i < table.length && table.time[i] === time[t]) places[t] = i;
  }
  return places;
}

/** Sums of another order, and fewer digits in a text, differ by less. */
const SAME = 1e-3;
/** More rows than that with other values are another formula or window. */
const MAX_OTHER_ROWS = 0.2;
/** Correlation from which a column is the feature of its name with another window. */
const ALIKE = 0.5;

/**
 * A table of names does not state the windows of its columns, but its values do: the daemon computes the features of
 * the configuration, and models that learned others would be asked about numbers that they have never seen.
 */
function checkValues(
  place: string,
  names: readonly string[],
  { row, rows, features }: PairHistory,
  table: TableRows,
  at: Int32Array,
): void {
  const others = names.flatMap((name, column) => {
    const scale = spreadOf(features, names.length, column);
    let differing = 0;
    row.forEach((own, t) => {
      if (own < 0) return;
      const computed = features[own * names.length + column]!;
      const given = table.features[at[t]! * names.length + column]!;
      const isSame =
        Number.isNaN(computed) || Number.isNaN(given)
          ? Number.isNaN(computed) && Number.isNaN(given)
          : Math.abs(given - computed) <= SAME * Math.max(scale, Math.abs(computed));
      if (!isSame) differing++;
    });
    const isOther =
      differing > MAX_OTHER_ROWS * rows &&
      likeness({ row, features, given: table.features, at, column, width: names.length }) >= ALIKE;
    return isOther ? [`${name} (${Math.round((100 * differing) / rows)} % of the rows)`] : [];
  });
  if (others.length === 0) return;
  throw new MinutehandError('TABLE_SCHEMA', {
    seen: `${place}: other values than those of the bars with the configured windows in ${others.join(', ')}`,
    expected: 'the features of this configuration, of these bars',
    next: 'Run `minutehand dataset export` with this configuration and these bars, or set `windows` as they were.',
  });
}

interface Compared {
  readonly row: Int32Array;
  readonly features: Float32Array;
  readonly given: Float32Array;
  readonly at: Int32Array;
  readonly column: number;
  readonly width: number;
}

/** Correlation of a column with the feature of its name: what has another source altogether is not like it. */
function likeness({ row, features, given, at, column, width }: Compared): number {
  let n = 0;
  let x = 0;
  let y = 0;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  row.forEach((own, t) => {
    const a = own < 0 ? NaN : features[own * width + column]!;
    const b = own < 0 ? NaN : given[at[t]! * width + column]!;
    if (!Number.isFinite(a) || !Number.isFinite(b)) return;
    n++;
    x += a;
    y += b;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  });
  const spread = (n * xx - x * x) * (n * yy - y * y);
  return spread > 0 ? (n * xy - x * y) / Math.sqrt(spread) : 0;
}

/** Mean size of a feature. */
function spreadOf(features: Float32Array, width: number, column: number): number {
  let sum = 0;
  let count = 0;
  for (let i = column; i < features.length; i += width) {
    const size = Math.abs(features[i]!);
    if (!Number.isFinite(size)) continue;
    sum += size;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

function takeFeatures({ row, rows, features }: PairHistory, table: TableRows, at: Int32Array): Float32Array {
  const width = features.length / rows;
  const taken = new Float32Array(features.length);
  row.forEach((own, t) => {
    if (own < 0) return;
    const from = at[t]! * width;
    taken.set(table.features.subarray(from, from + width), own * width);
  });
  return taken;
}

function takeLabels(
  place: string,
  history: PairHistory,
  own: PairLabels,
  table: Readonly<Record<LabelColumn, Float64Array>>,
  at: Int32Array,
): PairLabels {
  const barAt = new Map(Array.from(history.time, (time, t) => [time, t]));
  const lastTime = history.time[history.length - 1] ?? -Infinity;
  const take = (bars: Iterable<number>, label: (row: number) => number, end: LabelColumn): BarLabels => {
    const found: { bar: number; end: number; label: number }[] = [];
    for (const bar of bars) {
      const row = at[bar]!;
      const value = row < 0 ? NaN : label(row);
      if (Number.isNaN(value)) continue;
      // Known only after these bars, as in a training on the first part of them.
      if (table[end][row]! > lastTime) continue;
      const known = barAt.get(table[end][row]!);
      if (known === undefined || known < bar)
        throw new MinutehandError('TABLE_FORMAT', {
          seen: `${place}: ${end} ${table[end][row]} of the bar ${history.time[bar]}`,
          expected: 'the open of a later bar of this pair, in epoch seconds',
          next: 'Correct the column.',
        });
      found.push({ bar, end: known, label: value });
    }
    return {
      bar: Int32Array.from(found, (one) => one.bar),
      end: Int32Array.from(found, (one) => one.end),
      label: Float64Array.from(found, (one) => one.label),
    };
  };
  const kept = [...history.row.keys()].filter((t) => history.row[t]! >= 0);
  const risk = take(own.ai2.bar, (row) => Math.max(...RISK_PARTS.map((part) => table[`ai2_${part}`][row]!)), 'ai2_end');
  const parts = Object.fromEntries(
    RISK_PARTS.map((part) => [part, Uint8Array.from(risk.bar, (bar) => table[`ai2_${part}`][at[bar]!]!)]),
  ) as unknown as PairLabels['ai2']['parts'];
  const ai1 = take(kept, (row) => table.ai1[row]!, 'ai1_end');
  return {
    // Keep the evaluation label identical to the trained one where it is.
    ai1: isSame(ai1, own.ai1) ? own.ai1 : ai1,
    evaluation: own.evaluation,
    ai2: { ...risk, parts },
    ai3: take(own.ai3.bar, (row) => table.ai3[row]!, 'ai3_end'),
  };
}

function isSame(one: BarLabels, other: BarLabels): boolean {
  return (['bar', 'end', 'label'] as const).every(
    (name) =>
      one[name].length === other[name].length &&
      one[name].every((value: number, i: number) => value === other[name][i]),
  );
}
