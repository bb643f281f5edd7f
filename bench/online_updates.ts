import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../shared/bar.ts';
import { parsePair } from '../shared/pair.ts';
import { embargoSeconds, loadSettings, type Settings } from '../shared/policy/policy.ts';
import { readConfiguredBars } from '../trainer/jobs/bars/configured_bars.ts';
import { RolloutEvidence } from '../trainer/control/rollout/evidence.ts';
import { rolloutRules } from '../trainer/control/rollout/rules.ts';
import { calibrateModel } from '../trainer/learning/calibrate/calibrate_model.ts';
import { recalibration } from '../trainer/learning/calibrate/recalibrate.ts';
import type { DatasetRows } from '../trainer/learning/dataset/dataset_rows.ts';
import type { Fitted } from '../trainer/learning/learners/contract/fitted.ts';
import { takeRows } from '../trainer/learning/learners/contract/fit_rows.ts';
import { modelJob } from '../trainer/learning/learners/model_job.ts';
import { learnModel, type ModelFit } from '../trainer/learning/learners/model_learning.ts';
import { runFit } from '../trainer/learning/learners/trees/fit.ts';
import { auc, rowLogLoss } from '../trainer/learning/measures/metrics.ts';
import { coinsOf, mirrorBars } from '../trainer/learning/placebo/mirrored_bars.ts';
import { meanByDays } from '../trainer/learning/statistics/standings.ts';
import { buildDataset } from '../trainer/learning/strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { EVALUATION_BARRIERS } from '../trainer/learning/strategies/pair_reversion/label/reversion.ts';

/*
 * What a daily update of AI1 gives or costs against the model that stays as it was learned in full: each day is
 * answered by an update of the days before it. Ways: `warm_start` and `recalibrate` as online_learning has them, whose
 * last day (or fifth of the time) is the holdout of the update; `… at once` without a holdout; each against the frozen
 * model, on the recorded market and, with a seed of coins, on one whose directions are drawn.
 *
 *     node dist/bench/online_updates.js <folder> 2019-05-01 [seed of coins]
 */

const [folder, firstDay, coinSeed] = process.argv.slice(2);
if (folder === undefined || firstDay === undefined) {
  console.error('node dist/bench/online_updates.js <folder of bars> <end of the full training> [seed of coins]');
  process.exit(2);
}

const DAY = 86_400;
/** Of the delivered retrain_incremental_cron. */
const UPDATE_AT = (22 * 60 + 30) * 60;
const SEED = 7;

const settings = loadSettings();
const pairs = settings.minutehand.pairs.map(parsePair);
const recorded = await readConfiguredBars(folder, {}, settings, () => undefined);
const bars = coinSeed === undefined ? recorded : withCoins(recorded, coinSeed);
const holdoutFrom = (Date.parse(`${firstDay}T00:00:00Z`) / 1000) as OpenTime;
const dataset = await buildDataset(pairs, bars, datasetPolicy(settings, holdoutFrom), {
  workers: 0,
  cache: null,
  onProgress: () => undefined,
});
const job = modelJob('ai1', { dataset, settings, seed: SEED }, runFit);
const frozen = calibrateModel(job.rows.trained, await learnModel(job.rows.trained, job, job.fit), true).model;
const learned = dataset.holdout.ai1;
const evaluated = dataset.evaluation.holdout;
const embargo = embargoSeconds(settings.minutehand);

const fits: Readonly<Record<string, ModelFit>> = {
  recalibrate: recalibration(frozen),
  warm_start: modelJob('ai1', { dataset, settings, seed: SEED, known: { models: known(), rows: NO_ROWS() } }, runFit)
    .fit,
};

const frozenAnswers = frozen.answers(evaluated.x);
console.log(
  `${coinSeed === undefined ? 'recorded' : `coins ${coinSeed}`}: ${evaluated.y.length} candidates from ${firstDay} on, frozen AI1 of ${job.samples} rows: AUC ${auc(frozenAnswers, evaluated.y)!.toFixed(4)}`,
);
for (const [way, fit] of Object.entries(fits)) for (const isAtOnce of [false, true]) await compare(way, fit, isAtOnce);

function known(): Record<'ai1' | 'ai2' | 'ai3', Fitted> {
  return { ai1: frozen, ai2: frozen, ai3: frozen };
}

function NO_ROWS(): Record<'ai1' | 'ai2' | 'ai3', number> {
  return { ai1: 0, ai2: 0, ai3: 0 };
}

async function compare(way: string, fit: ModelFit, isAtOnce: boolean): Promise<void> {
  const answers = frozenAnswers.slice();
  const last = evaluated.time.at(-1)!;
  let updates = 0;
  const days: { readonly gain: number; readonly aucGain: number | null }[] = [];
  for (let at = holdoutFrom - DAY + UPDATE_AT; at <= last; at += DAY) {
    const rows = rowsBetween(evaluated, at, at + DAY);
    if (rows.length === 0) continue;
    const model = await updateAt(at, fit, isAtOnce);
    if (model !== frozen) updates++;
    const own = model.answers(takeRows(evaluated.x, rows));
    rows.forEach((row, i) => (answers[row] = own[i]!));
    const labels = Float64Array.from(rows, (row) => evaluated.y[row]!);
    const before = Float64Array.from(rows, (row) => frozenAnswers[row]!);
    const aucs = [auc(own, labels), auc(before, labels)] as const;
    days.push({
      gain: rows.reduce((sum, row, i) => sum + lossSaved(row, own[i]!), 0) / rows.length,
      aucGain: aucs[0] === null || aucs[1] === null ? null : aucs[0] - aucs[1],
    });
  }
  const saved = evaluated.y.map((_, row) => lossSaved(row, answers[row]!));
  const gain = meanByDays(saved, evaluated.time);
  const aucGains = days.flatMap(({ aucGain }) => aucGain ?? []);
  const meanAuc = meanOf(aucGains);
  const evidence = evidenceOf(answers);
  console.log(
    [
      `${way}${isAtOnce ? ' at once' : ''}`,
      `${updates} updates of ${days.length} days`,
      `log loss saved ${gain.mean!.toFixed(5)} ± ${gain.standardError.toFixed(5)}`,
      `better on ${days.filter((day) => day.gain > 0).length}, worse on ${days.filter((day) => day.gain < 0).length}`,
      `AUC of a day ${meanAuc.toFixed(5)} ± ${(deviationOf(aucGains) / Math.sqrt(aucGains.length)).toFixed(5)}`,
      `AUC of all ${(auc(answers, evaluated.y)! - auc(frozenAnswers, evaluated.y)!).toFixed(5)}`,
      `e-values benefit ${evidence.benefit.toFixed(2)}, harm ${evidence.harm.toFixed(2)}`,
    ].join(' | '),
  );
}

/** The update that answers from this time on: of rows whose labels are known, as `warmStartPeriod` has it. */
async function updateAt(at: number, fit: ModelFit, isAtOnce: boolean): Promise<Fitted> {
  const to = at - SECONDS_PER_BAR;
  const share = settings.minutehand.train.holdout_fraction * (to - holdoutFrom);
  const until = isAtOnce ? at : Math.min(to - Math.max(share, DAY), at);
  const subset = Int32Array.from(learned.y.keys()).filter((row) => learned.labelEnd[row]! + embargo < until);
  if (subset.length < 500) return frozen;
  const first = await fit(learned, subset, null);
  return fit(learned, subset, first);
}

function lossSaved(row: number, answer: number): number {
  return rowLogLoss(frozenAnswers[row]!, evaluated.y[row]!) - rowLogLoss(answer, evaluated.y[row]!);
}

/** What a rollout would have counted of these answers. */
function evidenceOf(answers: Float64Array): { readonly benefit: number; readonly harm: number } {
  const evidence = new RolloutEvidence(
    rolloutRules((settings as Settings).retrain).guards,
    EVALUATION_BARRIERS.horizon,
  );
  const minutes = new Map<number, number[]>();
  for (const [row, time] of evaluated.time.entries()) minutes.set(time, [...(minutes.get(time) ?? []), row]);
  const ascending = [...minutes.keys()].sort((a, b) => a - b);
  let harm = 1;
  for (const time of ascending) {
    const scores = minutes.get(time)!.map((row) => ({
      champion: frozenAnswers[row]!,
      challenger: answers[row]!,
      label: evaluated.y[row] as 0 | 1,
    }));
    evidence.addScores(time / SECONDS_PER_BAR, scores);
    harm = Math.max(harm, evidence.scores.harm);
  }
  return { benefit: evidence.scores.benefit, harm };
}

function rowsBetween({ time }: DatasetRows, from: number, to: number): Int32Array {
  return Int32Array.from(time.keys()).filter((row) => time[row]! > from && time[row]! <= to);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / (values.length - 1));
}

function withCoins(own: ReadonlyMap<string, BarColumns>, seed: string): ReadonlyMap<string, BarColumns> {
  const coins = coinsOf(`${seed}/online market`);
  return new Map([...own].map(([symbol, columns]) => [symbol, mirrorBars(columns, coins)]));
}
