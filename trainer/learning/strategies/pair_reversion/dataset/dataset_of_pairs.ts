import { MODEL_NAMES } from '../../../../../shared/core/features/feature.ts';
import { meanOf } from '../../../../../shared/statistics.ts';
import { RISK_PARTS, type RiskPart } from '../label/pair_labels.ts';
import { positions } from '../../../dataset/rows.ts';
import type { Dataset, ModelRows } from './dataset.ts';
import type { DatasetRows } from '../../../dataset/dataset_rows.ts';
import { takeDatasetRows } from './labeled_rows.ts';

/** Rows of some pairs, with the period and holdout of all. */
export function datasetOfPairs(dataset: Dataset, ids: readonly string[]): Dataset {
  const histories = dataset.histories.filter(({ pair }) => ids.includes(pair.id));
  const indexOf = dataset.histories.map((history) => histories.indexOf(history));
  const of = <Rows extends DatasetRows>(rows: Rows): Rows => {
    const own = takeDatasetRows(
      rows,
      positions(rows.y.length, (row) => indexOf[rows.pair[row]!]! >= 0),
    );
    return { ...own, pair: own.pair.map((pair) => indexOf[pair]!) };
  };
  const models = ({ ai1, ai2, ai3 }: ModelRows): ModelRows => ({ ai1: of(ai1), ai2: of(ai2), ai3: of(ai3) });
  const train = models(dataset.train);
  const holdout = models(dataset.holdout);
  const evaluation = (['train', 'holdout'] as const).map((part) => {
    const rows = dataset.evaluation[part];
    // Validation detects by object identity whether a model is evaluated on its training rows.
    return rows === dataset[part].ai1 ? { train, holdout }[part].ai1 : of(rows);
  });
  const share = (part: RiskPart): number => {
    const ones = train.ai2.parts[part];
    return ones.length === 0 ? 0 : meanOf(ones);
  };
  return {
    ...dataset,
    histories,
    train,
    holdout,
    evaluation: { train: evaluation[0]!, holdout: evaluation[1]! },
    riskParts: Object.fromEntries(RISK_PARTS.map((part) => [part, share(part)])) as Record<RiskPart, number>,
  };
}

/** Whether each model has rows for training and for evaluation. */
export function hasRows({ train, holdout }: Pick<Dataset, 'train' | 'holdout'>): boolean {
  return MODEL_NAMES.every((name) => train[name].y.length > 0 && holdout[name].y.length > 0);
}
