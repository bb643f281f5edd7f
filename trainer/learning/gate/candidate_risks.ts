import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { riskRank } from '../../../shared/strategies/pair_reversion/risk_rank.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { treeAnswer } from '../learners/trees/scoring.ts';

/** Risk scores of the holdout's entry candidates, [candidates]. */
export function candidateRisks(
  { evaluation }: Pick<Dataset, 'evaluation'>,
  ai2: TreeModel,
  quantiles: readonly number[],
): Float64Array {
  return treeAnswer(ai2, evaluation.holdout.x).map((risk) => riskRank(quantiles, risk));
}
