import { meanOf } from '../../../shared/statistics.ts';
import type { ModelMarkets } from '../generated/generated_pairs.ts';
import { auc, logLoss } from '../measures/metrics.ts';
import { SCENARIOS, type Scenario } from '../splits/scenarios.ts';
import { answersOf, type EntrantModels } from './entrant_models.ts';

/**
 * What an entrant says in a market made of the pairs' own bars. The labels of such a market are no evidence for an
 * edge.
 */
export interface GeneratedScenario {
  readonly rows: number;
  readonly log_loss: number;
  readonly auc: number | null;
  readonly answer_mean: number;
  readonly label_mean: number;
}

export type GeneratedScenarios = Readonly<Partial<Record<Scenario, GeneratedScenario>>>;

/**
 * Answers of an entrant's models to generated markets, all pairs of a scenario together.
 * @param pairs ids, in the order of the index by which `models` know them
 * @returns without the scenarios that have no row
 */
export async function measureGenerated(
  models: EntrantModels,
  markets: ModelMarkets,
  pairs: readonly string[],
): Promise<GeneratedScenarios> {
  const measured: Partial<Record<Scenario, GeneratedScenario>> = {};
  for (const scenario of SCENARIOS) {
    const scores: number[] = [];
    const labels: number[] = [];
    for (const { pairId, x, y } of markets[scenario] ?? []) {
      const answers = answersOf(models, x, new Int32Array(x.rows).fill(pairs.indexOf(pairId)));
      for (const answer of answers) scores.push(answer);
      for (const label of y) labels.push(label);
    }
    if (labels.length === 0) continue;
    measured[scenario] = {
      rows: labels.length,
      log_loss: logLoss(scores, labels),
      auc: auc(scores, labels),
      answer_mean: meanOf(scores),
      label_mean: meanOf(labels),
    };
  }
  return measured;
}
