import type { Dataset } from '../dataset/dataset.ts';
import type { PairHistory } from '../history/pair_history.ts';

/**
 * The dataset as if every column that the daemon does not compute had arrived one bar later: each kept bar has the
 * values of the bar before, where that was kept too, otherwise none. In the holdout every bar is kept.
 */
export function withColumnsLater<Given extends Pick<Dataset, 'histories' | 'definitions' | 'outsideColumns'>>(
  dataset: Given,
): Given {
  const { histories, definitions, outsideColumns } = dataset;
  const columns = outsideColumns.map((name) => definitions.findIndex((definition) => definition.name === name));
  return { ...dataset, histories: histories.map((history) => later(history, columns, definitions.length)) };
}

function later(history: PairHistory, columns: readonly number[], width: number): PairHistory {
  const { row, length } = history;
  const features = history.features.slice();
  for (let t = 0; t < length; t++) {
    const own = row[t]!;
    if (own < 0) continue;
    const before = t === 0 ? -1 : row[t - 1]!;
    for (const column of columns)
      features[own * width + column] = before < 0 ? NaN : history.features[before * width + column]!;
  }
  return { ...history, features };
}
