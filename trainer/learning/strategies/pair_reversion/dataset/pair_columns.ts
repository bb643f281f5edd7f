import type { Pair } from '../../../../../shared/pair.ts';
import { RISK_PARTS, type BarLabels, type PairLabels } from '../label/pair_labels.ts';
import type { Column, ColumnFile, ColumnSpace, NamedColumns } from '../../../dataset/column_file.ts';
import type { KeptBuild, PairBuild } from './pair_build.ts';
import type { HistoryPart, StoredHistory } from '../../../history/kept_history.ts';
import { HISTORY_COLUMNS, type PairHistory } from '../../../history/pair_history.ts';

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

/** A build whose history stays in its file; labels are read at once. `rows` as in `buildOf`. */
export function storedBuildOf(pair: Pair, file: ColumnFile, rows: number): KeptBuild {
  const labels = new Map([...file.names].filter(isLabel).map((name) => [name, file.read(name)] as const));
  return { history: storedHistory(pair, file, rows), labels: labelsOf(labels) };
}

function isLabel(name: string): boolean {
  return name.includes('.');
}

function storedHistory(pair: Pair, file: ColumnFile, rows: number): StoredHistory {
  const length = file.lengthOf('row');
  // Such as spreads that the source does not quote: read once, they take no more memory.
  const unknown = new Set<string>();
  const read = (name: HistoryPart, space: ColumnSpace | undefined): Column => {
    if (unknown.has(name)) return unknownValues(length);
    const column = file.read(name, space);
    if (!isAllUnknown(name, column)) return column;
    unknown.add(name);
    return unknownValues(length);
  };
  return {
    pair,
    length,
    rows,
    read: <Part extends HistoryPart>(parts: readonly Part[], space?: ColumnSpace) =>
      Object.fromEntries(parts.map((name) => [name, read(name, space)])) as unknown as Pick<PairHistory, Part>,
  };
}

function isAllUnknown(name: HistoryPart, column: Column): boolean {
  return name !== 'row' && name !== 'features' && column.every(Number.isNaN);
}

let unknowns = new Float64Array();

/** NaN, in memory that all such columns share. */
export function unknownValues(length: number): Float64Array {
  if (unknowns.length < length) unknowns = new Float64Array(length).fill(NaN);
  return unknowns.subarray(0, length);
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
