import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { InputNovelty, type InputDescription } from '../shared/bundle/input_novelty.ts';
import { parsePair } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import type { OpenTime } from '../shared/bar.ts';
import { readConfiguredBars } from '../trainer/jobs/bars/configured_bars.ts';
import {
  buildDataset,
  type Dataset,
  type DatasetRows,
} from '../trainer/learning/strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { wholeHistory } from '../trainer/learning/history/kept_history.ts';
import { columnsOf, openModelLearner } from '../trainer/learning/learners/learning.ts';
import { fitOf } from '../trainer/learning/learners/model_learning.ts';
import { runFit } from '../trainer/learning/learners/trees/fit.ts';
import { auc, logLoss } from '../trainer/learning/measures/metrics.ts';
import { describeInputs } from '../trainer/learning/novelty/input_description.ts';
import { rowNovelties } from '../trainer/learning/novelty/row_novelties.ts';
import { fastestPass, isPlanted, withPlantedMoves } from './planted_moves.ts';

/*
 * What novelty_min refuses, and how good AI1 is there: on the holdout of a folder of bars, and on the same holdout with
 * moves three times as large on every second day.
 *
 *     node dist/bench/novelty.js <folder> 2019-07-01
 */

const [folder, holdout] = process.argv.slice(2);
if (folder === undefined || holdout === undefined) {
  console.error('node dist/bench/novelty.js <folder of bars> <first day of the holdout>');
  process.exit(2);
}

const FACTOR = 3;
const STRETCH_DAYS = 1;
const LIMITS = [0, 0.001, 0.01, 0.05, 0.5, 1];
const SEED = 7;
const SECONDS_PER_DAY = 86_400;
/** Candidates of all pairs in a day that a share is worth stating of. */
const LEAST_OF_DAY = 200;

const holdoutFrom = (Date.parse(`${holdout}T00:00:00Z`) / 1000) as OpenTime;
const settings = loadSettings();
const pairs = settings.minutehand.pairs.map(parsePair);
const bars = await readConfiguredBars(folder, {}, settings, () => undefined);
const policy = datasetPolicy(settings, holdoutFrom);

const build = (own: ReadonlyMap<string, BarColumns>): Promise<Dataset> =>
  buildDataset(pairs, own, policy, { workers: 0, cache: null, onProgress: () => undefined });

const real = await build(bars);
const { definitions, train } = real;
const described = definitions.map(({ name, models }) => ({ name, isUsed: models.includes('ai1') }));
const inputs = describeInputs(train.ai1, described, `${SEED}/inputs`);
if (inputs === null) throw new Error('the rows cannot be described');
const learner = openModelLearner(settings, 'ai1', definitions, runFit);
const fit = fitOf(learner, { columns: columnsOf(definitions, 'ai1'), seed: `${SEED}/ai1`, continueFrom: null });
const model = await fit(train.ai1, Int32Array.from(train.ai1.y.keys()), null);

report('holdout', real.evaluation.holdout, () => true);
reportMinutes('holdout', real, () => true);
const planted = await build(
  new Map(
    [...bars].map(([symbol, own]) => [
      symbol,
      withPlantedMoves(own, { factor: FACTOR, days: STRETCH_DAYS, from: holdoutFrom }),
    ]),
  ),
);
report(`holdout, moves × ${FACTOR}`, planted.evaluation.holdout, isMoved);
reportMinutes(`holdout, moves × ${FACTOR}`, planted, isMoved);
console.log(`${costPerRow(train.ai1, inputs).toFixed(2)} µs a row`);

/** Of the bar that closes at this time. */
function isMoved(close: number): boolean {
  return isPlanted(close - 60, STRETCH_DAYS);
}

function report(title: string, rows: DatasetRows, isOf: (close: number) => boolean): void {
  const answers = model.answers(rows.x);
  const novelties = rowNovelties(rows.x, inputs, definitions)!;
  const own = [...rows.y.keys()].filter((row) => isOf(rows.time[row]!));
  console.log(`${title}: ${own.length} candidates`);
  console.log('novelty|share|positives|mean answer|log loss|AUC');
  const groups = LIMITS.slice(1).map((to, i) => ({ from: LIMITS[i]!, to }));
  for (const { from, to } of [...groups, { from: 0, to: 1 }]) {
    const inside = own.filter((row) => novelties[row]! >= from && (novelties[row]! < to || to === 1));
    const scores = Float64Array.from(inside, (row) => answers[row]!);
    const labels = Float64Array.from(inside, (row) => rows.y[row]!);
    const cells = [
      inside.length / own.length,
      mean(labels),
      mean(scores),
      logLoss(scores, labels),
      auc(scores, labels),
    ];
    console.log(`${from} to ${to}|${cells.map((cell) => (cell === null ? '–' : cell.toFixed(4))).join('|')}`);
  }
}

/** How unlike the candidates that AI1 learned from the other minutes are, beside candidates of the same time. */
function reportMinutes(title: string, { histories }: Dataset, isOf: (close: number) => boolean): void {
  const { z_entry } = settings.minutehand.decision;
  const kinds = { candidates: [] as number[], 'other minutes': [] as number[] };
  const days = new Map<number, number[]>();
  for (const kept of histories) {
    const { features, row, rows, time, z, length } = wholeHistory(kept);
    const x = { rows, columns: definitions.length, values: features };
    const novelties = rowNovelties(x, inputs, definitions)!;
    for (let t = 0; t < length; t++) {
      if (row[t]! < 0 || time[t]! < holdoutFrom || !isOf(time[t]! + 60)) continue;
      const novelty = novelties[row[t]!]!;
      const isCandidate = Math.abs(z[t]!) >= z_entry;
      kinds[isCandidate ? 'candidates' : 'other minutes'].push(novelty);
      const day = Math.floor(time[t]! / SECONDS_PER_DAY);
      if (!isCandidate) continue;
      const own = days.get(day);
      if (own === undefined) days.set(day, [novelty]);
      else own.push(novelty);
    }
  }
  for (const [kind, own] of Object.entries(kinds)) {
    const shares = LIMITS.slice(1).map((limit) => {
      const below = own.filter((novelty) => novelty < limit).length;
      return `${limit}: ${((100 * below) / own.length).toFixed(2)} %`;
    });
    console.log(`${title}, ${own.length} ${kind}, below ${shares.join(', ')}`);
  }
  // What an alarm on the metric sees.
  const byDay = [...days.values()]
    .filter((own) => own.length >= LEAST_OF_DAY)
    .map((own) => own.filter((novelty) => novelty <= 0.01).length / own.length)
    .sort((a, b) => a - b);
  const at = (share: number): string => `${(100 * byDay[Math.floor(share * (byDay.length - 1))]!).toFixed(1)} %`;
  console.log(
    `${title}, ${byDay.length} days, candidates up to 0.01: median ${at(0.5)}, 90 % ${at(0.9)}, most ${at(1)}`,
  );
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Microseconds. */
function costPerRow({ x }: DatasetRows, described: InputDescription): number {
  const names = definitions.map(({ name }) => name);
  const novelty = new InputNovelty(described, names);
  return fastestPass(() => {
    for (let row = 0; row < x.rows; row++) novelty.of(x.values, row * x.columns);
  }, x.rows);
}
