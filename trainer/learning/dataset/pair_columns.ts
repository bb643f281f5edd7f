import type { Pair } from '../../../shared/pair.ts';
import { RISK_PARTS, type BarLabels, type PairLabels } from '../label/pair_labels.ts';
import type { Column, NamedColumns } from './column_file.ts';
import type { PairBuild } from './pair_build.ts';
import { HISTORY_COLUMNS } from '../history/pair_history.ts';

const BAR_LABELS = ['bar', 'end', 'label'] as const;

/** A build as named arrays, for files and for transfer between threads without a copy. */
export function columnsOf({ history, labels }: PairBuild): NamedColumns {
  const columns = new Map<string, Column>();
  for (const name of HISTORY_COLUMNS) columns.set(name, history[name]);
  columns.set('row', history.row);
  columns.set('features', history.features);
  for (const set of labelSets(labels)) {
    for (const name of BAR_LABELS) columns.set(`${set}.${name}`, labels[set][name]);
  }
  for (const part of RISK_PARTS) columns.set(`ai2.${part}`, labels.ai2.parts[part]);
  return columns;
}

/** Restores a build from its columns. `rows`: number of rows with features. */
export function buildOf(pair: Pair, columns: NamedColumns, rows: number): PairBuild {
  const doubles = Object.fromEntries(HISTORY_COLUMNS.map((name) => [name, take(columns, name)])) as Record<
    (typeof HISTORY_COLUMNS)[number],
    Float64Array
  >;
  const row = take<Int32Array>(columns, 'row');
  const features = take<Float32Array>(columns, 'features');
  return { history: { pair, length: row.length, ...doubles, row, features, rows }, labels: labelsOf(columns) };
}

/** Buffers of all columns, without duplicates. */
export function buffersOf(build: PairBuild): ArrayBuffer[] {
  return [...new Set(Array.from(columnsOf(build).values(), ({ buffer }) => buffer as ArrayBuffer))];
}

function labelsOf(columns: NamedColumns): PairLabels {
  const labels = (set: string): BarLabels => ({
    bar: take(columns, `${set}.bar`),
    end: take(columns, `${set}.end`),
    label: take(columns, `${set}.label`),
  });
  const part = (name: string): Uint8Array => take(columns, `ai2.${name}`);
  const parts = { drawdown: part('drawdown'), volatility: part('volatility'), correlation: part('correlation') };
  const ai1 = labels('ai1');
  const evaluation = columns.has('evaluation.bar') ? labels('evaluation') : ai1;
  return { ai1, evaluation, ai2: { ...labels('ai2'), parts }, ai3: labels('ai3') };
}

/** The evaluation labels have separate columns only if they differ from AI1's. */
function labelSets(labels: PairLabels): (keyof PairLabels)[] {
  return labels.evaluation === labels.ai1 ? ['ai1', 'ai2', 'ai3'] : ['ai1', 'evaluation', 'ai2', 'ai3'];
}

function take<T extends Column>(columns: NamedColumns, name: string): T {
  const column = columns.get(name);
  if (column === undefined) throw new RangeError(`no column ${name} among ${[...columns.keys()].join(', ')}`);
  return column as T;
}
