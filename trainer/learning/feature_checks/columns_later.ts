import type { Windows } from '../../../shared/core/features/windows.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { partOfHistory, type HistoryPart, type KeptHistory } from '../history/kept_history.ts';
import { columnsOfOthers } from '../../../shared/bar_file/other_bars.ts';
import { columnsOfSeries } from './leg_series.ts';

/**
 * Columns that do not follow from the bars of the legs alone: of a feature table, and of formulas that read series or
 * other symbols, whose bars may bear other times.
 */
export function columnsFromOutside(
  { definitions, outsideColumns }: Pick<Dataset, 'definitions' | 'outsideColumns'>,
  windows: Windows,
): string[] {
  const known = new Set(definitions.map(({ name }) => name));
  const read = [...columnsOfSeries(windows), ...columnsOfOthers(windows)].filter((name) => known.has(name));
  return [...new Set([...outsideColumns, ...read])];
}

/**
 * The dataset as if these columns had arrived one bar later: each kept bar has the values of the bar before, where that
 * was kept too, otherwise none. In the holdout every bar is kept.
 */
export function withColumnsLater<Given extends Pick<Dataset, 'histories' | 'definitions'>>(
  dataset: Given,
  names: readonly string[],
): Given {
  const { histories, definitions } = dataset;
  const columns = names.map((name) => definitions.findIndex((definition) => definition.name === name));
  return { ...dataset, histories: histories.map((history) => later(history, columns, definitions.length)) };
}

function later(history: KeptHistory, columns: readonly number[], width: number): KeptHistory {
  const { pair, length, rows } = history;
  return {
    pair,
    length,
    rows,
    read: (parts) => {
      const read = partOfHistory(history, ...parts);
      if (!(parts as readonly HistoryPart[]).includes('features')) return read;
      const { row, features } = partOfHistory(history, 'row', 'features');
      return { ...read, features: shifted(features, row, columns, width) };
    },
  };
}

/** The features with these columns of the bar before, where that was kept. */
function shifted(given: Float32Array, row: Int32Array, columns: readonly number[], width: number): Float32Array {
  const features = given.slice();
  for (let t = 0; t < row.length; t++) {
    const own = row[t]!;
    if (own < 0) continue;
    const before = t === 0 ? -1 : row[t - 1]!;
    for (const column of columns) features[own * width + column] = before < 0 ? NaN : given[before * width + column]!;
  }
  return features;
}
