import { RESULT_CLIP, shareOfResult } from '../../../shared/core/cost/expected_net.ts';
import { decisionPolicy, embargoSeconds, type Settings } from '../../../shared/policy/policy.ts';
import { calibrateModel, type LearnedModel } from './calibrate_model.ts';
import type { Dataset, DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeDatasetRows } from '../strategies/pair_reversion/dataset/labeled_rows.ts';
import { historiesInTurn } from '../history/kept_history.ts';
import { HISTORY_COLUMNS } from '../history/pair_history.ts';
import { resultBefore } from '../strategies/pair_reversion/label/result.ts';
import { positions } from '../dataset/rows.ts';
import { columnsOf, openModelLearner } from '../learners/learning.ts';
import { fitOf, learnModel } from '../learners/model_learning.ts';
import type { LearnerSetup } from '../learners/registry.ts';

/** AI1's training candidates with their results as fractions of the clipped range. */
export interface ResultRows {
  readonly rows: DatasetRows;
  /** Share of the rows whose result was clipped. */
  readonly clipped: number;
}

/** Results at the decision's barriers. A result depends on one bar more than AI1's label: the fill of its exit. */
export function resultRows(
  { histories, train }: Pick<Dataset, 'histories' | 'train'>,
  holdoutFrom: number,
  settings: Settings,
): ResultRows {
  const { z_entry, z_exit, stop, max_age_bars } = decisionPolicy(settings);
  const barriers = { z_entry, z_exit, stop, horizon: max_age_bars };
  const { time, pair } = train.ai1;
  const y = new Float64Array(time.length).fill(NaN);
  const labelEnd = new Float64Array(time.length);
  let clipped = 0;
  const historyOf = historiesInTurn(histories, ...HISTORY_COLUMNS);
  for (let row = 0; row < time.length; row++) {
    const history = historyOf(pair[row]!);
    const result = resultBefore(holdoutFrom, history, time[row]!, barriers);
    if (result === null) continue;
    labelEnd[row] = result.knownAt;
    y[row] = shareOfResult(result.sigmas);
    if (Math.abs(result.sigmas) > RESULT_CLIP) clipped++;
  }
  const known = positions(time.length, (row) => !Number.isNaN(y[row]!));
  const rows = takeDatasetRows({ ...train.ai1, y, labelEnd }, known);
  return { rows, clipped: known.length === 0 ? 0 : clipped / known.length };
}

/** Number of fits of `learnResult`. */
export { countFits as countResultFits } from '../learners/model_learning.ts';

/**
 * Trains the model of the result with AI1's parameters and, like AI3, by cross-entropy on fractions: its answer is the
 * mean clipped result.
 */
export async function learnResult(
  { rows }: ResultRows,
  { definitions }: Pick<Dataset, 'definitions'>,
  settings: Settings,
  seed: number,
  fitTrees: LearnerSetup['fitTrees'],
): Promise<LearnedModel> {
  const { train } = settings.minutehand;
  const learner = openModelLearner(settings, 'ai1', definitions, fitTrees);
  const plan = {
    folds: train.folds,
    embargo: embargoSeconds(settings.minutehand),
    stopsEarly: learner.supports.stopping,
  };
  const request = { columns: columnsOf(definitions, 'ai1'), seed: `${seed}/net`, continueFrom: null };
  return calibrateModel(rows, await learnModel(rows, plan, fitOf(learner, request)), true);
}
