import type { Skill } from '../../../shared/bundle/manifest.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { fitAllRows, type Learner } from '../learners/contract/learner.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { columnsOf, TASK } from '../learners/learning.ts';
import { WALK_FORWARD } from '../learners/model_learning.ts';
import { auc, expectedCalibrationError } from '../measures/metrics.ts';
import type { PlaceboMarkets } from '../placebo/placebo_rows.ts';
import { modelSkill } from '../placebo/skill.ts';
import { kFoldSplits, walkForwardSplits, type Split } from '../splits/splits.ts';
import { aucByDays } from '../statistics/auc_error.ts';
import { figureByDays, figureOf, meanByDays, rowLosses, simplestWithinError, standingsOf } from './standings.ts';
import type { Figure } from './standings.ts';

export type { Figure } from './standings.ts';

const CALIBRATION_BINS = 10;

/** A learner of AI1 in a league. Every entrant gets the same rows of the same splits. */
export interface Entrant {
  readonly learner: Learner;
  /** Order of simplicity: a smaller number is simpler. */
  readonly complexity: number;
}

export interface Measured {
  readonly rows: number;
  readonly days: number;
  readonly log_loss: Figure;
  readonly brier: Figure;
  readonly auc: Figure;
  readonly ece: number;
}

export interface EntrantReport {
  readonly name: string;
  readonly complexity: number;
  /** Purged k-fold of the training rows. */
  readonly folds: Measured;
  /** Blocks of the training rows, each by a fit of the rows before it. */
  readonly walk_forward: Measured;
  /** Rows that no choice has seen, by a fit of all training rows. */
  readonly holdout: Measured;
  /** AUC of the holdout beyond what geometry alone earns on sign-randomized markets; null where there is none. */
  readonly skill: Skill | null;
  /** Log loss of the folds above that of the best entrant, paired row by row; its error is over days. */
  readonly behind_best: Figure;
  /** Whether that is within one standard error. The best one is. */
  readonly is_within_error: boolean;
  /** Seconds of all fits. */
  readonly seconds: number;
}

export interface LeagueReport {
  readonly dataset_id: string;
  readonly seed: number;
  readonly folds: number;
  /** The lowest log loss of the folds first. */
  readonly entrants: readonly EntrantReport[];
  /** The entrant with the lowest log loss. */
  readonly best: string;
  /** The simplest one within one standard error of the best. */
  readonly simplest_within_error: string;
}

export interface LeagueOptions {
  readonly dataset: Dataset;
  readonly placebo: PlaceboMarkets;
  readonly entrants: readonly Entrant[];
  readonly folds: number;
  /** Seconds between the end of a training label and a test row. */
  readonly embargo: number;
  readonly seed: number;
  /** An answer to the holdout exists, and is not yet evaluated: this is a look. */
  onHoldout(entrant: Entrant, probabilities: Float64Array): void;
  onProgress(entrant: string, done: number, total: number): void;
}

/** Scores of one entrant, kept until all are compared. */
interface Played {
  readonly entrant: Entrant;
  readonly folds: Scored;
  readonly walkForward: Scored;
  readonly holdout: Scored;
  readonly skill: Skill | null;
  readonly seconds: number;
}

/** Probabilities of rows that no fit behind them has seen. */
interface Scored {
  readonly probabilities: Float64Array;
  readonly y: Float64Array;
  /** Epoch seconds. */
  readonly time: Float64Array;
}

/**
 * Every entrant on identical purged folds, walk-forward blocks, holdout and placebo markets of AI1. Nothing is chosen
 * on the holdout: `best` and `simplest_within_error` come from the folds. Probabilities are those of the entrant,
 * without the calibration that `train` adds.
 */
export async function runLeague(options: LeagueOptions): Promise<LeagueReport> {
  const { dataset, entrants, folds, embargo, seed } = options;
  const rows = dataset.train.ai1;
  const foldSplits = kFoldSplits(rows, folds, embargo);
  const forwardSplits = walkForwardSplits(rows, { ...WALK_FORWARD, embargo, window: null });
  const played: Played[] = [];
  for (const entrant of entrants) played.push(await play(entrant, foldSplits, forwardSplits, options));
  const losses = played.map(({ folds: { probabilities, y } }) => rowLosses(probabilities, y));
  const standings = standingsOf(losses, played[0]!.folds.time);
  const reports = standings.order.map((index): EntrantReport => {
    const { entrant, skill, seconds, ...scored } = played[index]!;
    const { behind, isWithinError } = standings.of[index]!;
    return {
      name: entrant.learner.name,
      complexity: entrant.complexity,
      folds: measure(scored.folds),
      walk_forward: measure(scored.walkForward),
      holdout: measure(scored.holdout),
      skill,
      behind_best: behind,
      is_within_error: isWithinError,
      seconds,
    };
  });
  const simplest = simplestWithinError(
    standings,
    entrants.map(({ complexity }) => complexity),
  );
  return {
    dataset_id: dataset.snapshotId,
    seed,
    folds,
    entrants: reports,
    best: reports[0]!.name,
    simplest_within_error: entrants[simplest]!.learner.name,
  };
}

async function play(
  entrant: Entrant,
  foldSplits: readonly Split[],
  forwardSplits: readonly Split[],
  { dataset, placebo, seed, onHoldout, onProgress }: LeagueOptions,
): Promise<Played> {
  const rows = dataset.train.ai1;
  const { learner } = entrant;
  const fitOn = (subset: Int32Array): Promise<Fitted> =>
    fitAllRows(learner, {
      task: TASK,
      rows,
      subset,
      columns: columnsOf(dataset.definitions, 'ai1'),
      seed: `${seed}/ai1`,
      continueFrom: null,
    });
  const total = foldSplits.length + forwardSplits.length + 1;
  const startMs = performance.now();
  let done = 0;
  onProgress(learner.name, done, total);
  const scoreSplits = async (splits: readonly Split[]): Promise<Scored> => {
    const tested = Int32Array.from(splits.flatMap(({ test }) => [...test]));
    const probabilities: number[] = [];
    for (const { train, test } of splits) {
      const fitted = await fitOn(train);
      for (const p of fitted.answers(takeRows(rows.x, test))) probabilities.push(p);
      onProgress(learner.name, ++done, total);
    }
    return {
      probabilities: Float64Array.from(probabilities),
      y: Float64Array.from(tested, (row) => rows.y[row]!),
      time: Float64Array.from(tested, (row) => rows.time[row]!),
    };
  };
  const folds = await scoreSplits(foldSplits);
  const walkForward = await scoreSplits(forwardSplits);
  const fitted = await fitOn(Int32Array.from(rows.y.keys()));
  onProgress(learner.name, ++done, total);
  const seconds = (performance.now() - startMs) / 1000;
  const { x, y, time } = dataset.evaluation.holdout;
  const holdout = { probabilities: fitted.answers(x), y, time };
  onHoldout(entrant, holdout.probabilities);
  const skill = modelSkill(
    (of) => fitted.answers(of),
    { scores: holdout.probabilities, y, time },
    placebo,
    dataset.histories.map(({ pair }) => pair.id),
    `${seed}/league`,
  );
  return { entrant, folds, walkForward, holdout, skill, seconds };
}

function measure({ probabilities, y, time }: Scored): Measured {
  // Within a single day there is no error.
  const byDays = aucByDays(probabilities, y, time);
  const logLoss = meanByDays(rowLosses(probabilities, y), time);
  const brier = figureByDays(
    y.map((label, row) => (probabilities[row]! - label) ** 2),
    time,
  );
  return {
    rows: y.length,
    days: logLoss.blocks,
    log_loss: figureOf(logLoss),
    brier,
    auc: { value: byDays?.auc ?? auc(probabilities, y), standard_error: byDays?.standard_error ?? null },
    ece: expectedCalibrationError(probabilities, y, CALIBRATION_BINS),
  };
}
