import { labelReversion, type BarLabels } from '../label/pair_labels.ts';
import type { Barriers } from '../label/reversion.ts';
import type { Matrix } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Dataset } from './dataset.ts';
import type { DatasetRows } from '../../../dataset/dataset_rows.ts';
import { firstRows, gatherFeatures, gatherRows, type BarTable } from './labeled_rows.ts';
import { pricesOf, type KeptHistory } from '../../../history/kept_history.ts';
import { selectRows, type WithHistory } from './row_list.ts';

/**
 * AI1's training rows under different barriers: candidates whose label was known before the holdout, at most `most`.
 * @param barriers z_entry not below that of the dataset, because features of other bars were not kept
 */
export function relabeled(
  { histories, holdoutFrom, definitions, train }: Pick<Dataset, 'histories' | 'holdoutFrom' | 'definitions' | 'train'>,
  barriers: Barriers,
  most: number,
): DatasetRows {
  const builds = histories.map((history) => ({ history, labels: labelReversion(pricesOf(history), barriers) }));
  const labelsOf = ({ labels }: { readonly history: KeptHistory; readonly labels: BarLabels }): BarLabels => labels;
  const list = selectRows(builds, labelsOf, (_time, labelEnd) => labelEnd < holdoutFrom, most);
  return gatherRows(
    builds,
    list,
    labelsOf,
    gatherFeatures(builds, list, definitions.length, tableOf(train.ai1.x, builds)),
  );
}

/** The table of all bars that a dataset has already. @param builds all of the dataset */
function tableOf({ past }: Matrix, builds: readonly WithHistory[]): BarTable | null {
  return past === undefined ? null : { bars: past.bars, rows: past.table, first: firstRows(builds) };
}
