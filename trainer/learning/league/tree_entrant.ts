import type { Settings } from '../../../shared/policy/policy.ts';
import type { Engine } from '../../../shared/policy/engines.ts';
import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { learnerParams, TASK } from '../learners/learning.ts';
import { countTrees } from '../learners/model_learning.ts';
import type { FitPool } from '../learners/trees/fit_pool.ts';
import { treeAnswer } from '../learners/trees/scoring.ts';
import type { Entrant } from './entrant.ts';

const COMPLEXITY: Readonly<Record<Engine, number>> = { gbdt: 2, random_forest: 3, lightgbm: 2, xgboost: 2 };

/** The trees of `train`, with its parameters: as many as help on the last part of the rows, then on all of them. */
export function treeEntrant(
  engine: Engine,
  settings: Settings,
  definitions: readonly FeatureDefinition[],
  seed: number,
  pool: FitPool,
): Entrant {
  const params = learnerParams(settings, definitions, 'ai1', seed);
  return {
    name: engine,
    complexity: COMPLEXITY[engine],
    async fit(rows, subset) {
      const fit = (rounds: number | null) =>
        pool.fit(
          {
            engine,
            task: TASK,
            rows,
            subset,
            params: rounds === null ? params : { ...params, rounds },
            stopsEarly: rounds === null,
          },
          () => undefined,
        );
      // A forest has no best number of trees.
      const model = engine === 'random_forest' ? await fit(params.rounds) : await fit(countTrees(await fit(null)));
      return { probabilities: (x) => treeAnswer(model, x) };
    },
  };
}
