import { riskRank } from '../../../shared/strategies/pair_reversion/risk_rank.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { Fitted } from '../learners/contract/fitted.ts';

/** Risk scores of the holdout's entry candidates, [candidates]. */
export function candidateRisks(
  { evaluation }: Pick<Dataset, 'evaluation'>,
  ai2: Fitted,
  quantiles: readonly number[],
): Float64Array {
  return ai2.answers(evaluation.holdout.x).map((risk) => riskRank(quantiles, risk));
}
