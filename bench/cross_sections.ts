import type { OpenTime } from '../shared/bar.ts';
import { parsePair } from '../shared/pair.ts';
import { formulasText } from '../shared/core/formula/named_formulas.ts';
import { withWindows } from '../shared/policy/feature_settings.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { meanOf } from '../shared/statistics.ts';
import { readConfiguredBars } from '../trainer/jobs/bars/configured_bars.ts';
import type { DatasetRows } from '../trainer/learning/dataset/dataset_rows.ts';
import { columnsOf, openModelLearner } from '../trainer/learning/learners/learning.ts';
import { fitOf } from '../trainer/learning/learners/model_learning.ts';
import { runFit } from '../trainer/learning/learners/trees/fit.ts';
import type { Fitted } from '../trainer/learning/learners/contract/fitted.ts';
import { auc, logLoss, rowLogLoss } from '../trainer/learning/measures/metrics.ts';
import { placeboMarkets } from '../trainer/learning/placebo/placebo_rows.ts';
import { meanByDays } from '../trainer/learning/statistics/standings.ts';
import { buildDataset } from '../trainer/learning/strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';

/*
 * What AI1 gains by the state of the other pairs: its holdout with cross-sections of z and of volatility, and without,
 * for several seeds; and the same in placebo markets, where no direction is left.
 *
 *     node dist/bench/cross_sections.js <folder> 2019-07-01
 */

const [folder, holdout] = process.argv.slice(2);
if (folder === undefined || holdout === undefined) {
  console.error('node dist/bench/cross_sections.js <folder of bars> <first day of the holdout>');
  process.exit(2);
}

const SECONDS_PER_DAY = 86_400;
const SEEDS = [7, 8, 9];
const DRAWS = 200;

/** Columns of each way; the names tell them apart. */
const OF_Z = {
  cs_z_mean: 'cs_mean(z_score)',
  cs_z_abs_mean: 'cs_mean(z_abs)',
  cs_z_abs_rank: 'cs_rank(z_abs)',
  cs_z_abs_zscore: 'cs_zscore(z_abs)',
};
const OF_VOLATILITY = {
  cs_vol_mean: 'cs_mean(vol_jump)',
  cs_vol_rank: 'cs_rank(vol_jump)',
  cs_spread_vol_mean: 'cs_mean(spread_vol_jump)',
  cs_spread_vol_rank: 'cs_rank(spread_vol_jump)',
};
const WAYS: Readonly<Record<string, readonly string[]>> = {
  without: [],
  z: Object.keys(OF_Z),
  volatility: Object.keys(OF_VOLATILITY),
  both: Object.keys({ ...OF_Z, ...OF_VOLATILITY }),
};

const configured = loadSettings();
const { pairs: ids, windows: written } = configured.minutehand;
const formulas = formulasText(
  Object.entries({ ...OF_Z, ...OF_VOLATILITY }).map(([name, text]) => ({ name, text, subjects: ids })),
);
const windows = { ...written, formulas };
const settings = withWindows(configured, windows);
const bars = await readConfiguredBars(folder, {}, settings, () => undefined);
const holdoutFrom = (Date.parse(`${holdout}T00:00:00Z`) / 1000) as OpenTime;
const began = performance.now();
const dataset = await buildDataset(ids.map(parsePair), bars, datasetPolicy(settings, holdoutFrom), {
  workers: 0,
  cache: null,
  onProgress: () => undefined,
});
console.log(`dataset with cross-sections: ${((performance.now() - began) / 1000).toFixed(0)} s`);
const { definitions, train, evaluation } = dataset;
const markets = await placeboMarkets({ dataset, bars, windows, seed: 7, workers: 0, onProgress: () => undefined });

console.log(`${evaluation.holdout.y.length} candidates of the holdout; ± by days`);
console.log('seed|way|AUC|AUC gained|log loss|log loss saved|AUC in placebo markets');
for (const seed of SEEDS) {
  let before: Float64Array | null = null;
  for (const [way, names] of Object.entries(WAYS)) {
    const model = await fitted(seed, new Set(names));
    const answers = model.answers(evaluation.holdout.x);
    const { y, time } = evaluation.holdout;
    const placebo = markets.map((rows) => aucOf(rows, model));
    const cells = [
      auc(answers, y)!.toFixed(4),
      before === null ? '–' : gainedAuc(before, answers, evaluation.holdout),
      logLoss(answers, y).toFixed(5),
      before === null ? '–' : saved(before, answers, y, time),
      `${meanOf(placebo).toFixed(4)} (${markets.length} draws, ${Math.min(...placebo).toFixed(4)} to ${Math.max(...placebo).toFixed(4)})`,
    ];
    console.log([seed, way, ...cells].join('|'));
    before ??= answers;
  }
}

/** AI1 with the hand-written columns and these. */
async function fitted(seed: number, names: ReadonlySet<string>): Promise<Fitted> {
  const own = new Set(Object.keys({ ...OF_Z, ...OF_VOLATILITY }).filter((name) => !names.has(name)));
  const used = columnsOf(definitions, 'ai1').filter((column) => !own.has(definitions[column]!.name));
  const learner = openModelLearner(settings, 'ai1', definitions, runFit);
  const fit = fitOf(learner, { columns: used, seed: `${seed}/ai1`, continueFrom: null });
  return await fit(train.ai1, Int32Array.from(train.ai1.y.keys()), null);
}

function aucOf(rows: Awaited<ReturnType<typeof placeboMarkets>>[number], model: Fitted): number {
  const scores = rows.flatMap(({ x }) => [...model.answers(x)]);
  const labels = rows.flatMap(({ y }) => [...y]);
  return auc(Float64Array.from(scores), Float64Array.from(labels))!;
}

/** Log loss saved per row, and its standard error by days. */
function saved(old: Float64Array, answers: Float64Array, y: Float64Array, time: Float64Array): string {
  const rows = y.map((label, row) => rowLogLoss(old[row]!, label) - rowLogLoss(answers[row]!, label));
  const { mean: gain, standardError } = meanByDays(rows, time);
  return `${gain!.toFixed(5)} ± ${standardError.toFixed(5)}`;
}

/** Difference of the AUC, and its standard deviation over drawn days. */
function gainedAuc(old: Float64Array, answers: Float64Array, { y, time }: DatasetRows): string {
  const byDay = new Map<number, number[]>();
  for (const [row, at] of time.entries()) {
    const day = Math.floor(at / SECONDS_PER_DAY);
    const own = byDay.get(day) ?? [];
    own.push(row);
    byDay.set(day, own);
  }
  const days = [...byDay.values()];
  const rng = createRng('cross-sections');
  const differenceOf = (rows: readonly number[]): number => {
    const labels = Float64Array.from(rows, (row) => y[row]!);
    const of = (scores: Float64Array): number =>
      auc(
        Float64Array.from(rows, (row) => scores[row]!),
        labels,
      )!;
    return of(answers) - of(old);
  };
  const drawn = Array.from({ length: DRAWS }, () => differenceOf(days.flatMap(() => days[rng.integer(days.length)]!)));
  const center = meanOf(drawn);
  const error = Math.sqrt(drawn.reduce((sum, one) => sum + (one - center) * (one - center), 0) / (DRAWS - 1));
  return `${differenceOf([...y.keys()]).toFixed(4)} ± ${error.toFixed(4)}`;
}
