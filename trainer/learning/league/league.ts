import type { Skill } from '../../../shared/bundle/manifest.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { meanOf } from '../../../shared/statistics.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { pick, positions } from '../dataset/rows.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { fitAllRows, type Learner } from '../learners/contract/learner.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import type { ComparisonLearner } from '../learners/comparison/comparison_learner.ts';
import { TASK } from '../learners/learning.ts';
import { WALK_FORWARD } from '../learners/model_learning.ts';
import { auc } from '../measures/metrics.ts';
import type { PlaceboMarkets } from '../placebo/placebo_rows.ts';
import { modelSkill } from '../placebo/skill.ts';
import { kFoldSplits, walkForwardSplits, type Split } from '../splits/splits.ts';
import { isOfScenario, SCENARIOS, scenariosOfRows, type RowScenarios, type Scenario } from '../splits/scenarios.ts';
import { aucByDays } from '../statistics/auc_error.ts';
import { calibrationError } from './calibration_error.ts';
import { FitWatch, type FitCost } from './fit_cost.ts';
import { holdoutNet, type HoldoutNet } from './holdout_net.ts';
import { incrementsOf, type EntrantKind, type Increment } from './increments.ts';
import { servingCost, type ServingCost } from './serving_cost.ts';
import {
  figureByDays,
  figureOf,
  meanByDays,
  rowLosses,
  simplestWithinError,
  standingAgainst,
  standingsOf,
} from '../statistics/standings.ts';
import type { Figure, Standing } from '../statistics/standings.ts';

export type { Figure } from '../statistics/standings.ts';

/** A learner of AI1 in a league. Every entrant gets the same rows of the same splits. */
export interface Entrant {
  readonly name: string;
  readonly learner: Learner | ComparisonLearner;
  readonly kind: EntrantKind;
  /** Columns that it may use. */
  readonly columns: readonly number[];
  /** Order of simplicity: a smaller number is simpler. */
  readonly complexity: number;
}

export interface Measured {
  readonly rows: number;
  readonly days: number;
  readonly log_loss: Figure;
  readonly brier: Figure;
  readonly auc: Figure;
  readonly ece: Figure;
}

/** The rows of the folds of one scenario. */
export interface ScenarioMeasured {
  readonly rows: number;
  readonly log_loss: Figure;
  readonly auc: number | null;
}

export interface EntrantReport extends FitCost {
  readonly name: string;
  readonly kind: EntrantKind;
  readonly complexity: number;
  /**
   * Rows that it learns from at most, where it is only compared: no model of it can be served, so it is never best,
   * chosen or promoted. null: any number of rows.
   */
  readonly compared_rows: number | null;
  /** Columns of the features that it may use. */
  readonly columns: number;
  /** Purged k-fold of the training rows. */
  readonly folds: Measured;
  /** Blocks of the training rows, each by a fit of the rows before it. */
  readonly walk_forward: Measured;
  /** Rows that no choice has seen, by a fit of all training rows. */
  readonly holdout: Measured;
  /** AUC of the holdout beyond what geometry alone earns on sign-randomized markets; null where there is none. */
  readonly skill: Skill | null;
  /**
   * Log loss of the folds above that of the best entrant that can be served, paired row by row; its error is over days.
   */
  readonly behind_best: Figure;
  /** Whether that is within one standard error. The best one is. */
  readonly is_within_error: boolean;
  /** Log loss of the folds by each seed, the first one's first. */
  readonly log_loss_of_seeds: readonly number[];
  /** Log loss and AUC of the folds' rows in each scenario that has rows. */
  readonly scenarios: Readonly<Partial<Record<Scenario, ScenarioMeasured>>>;
  /** Trades on the holdout by this entrant's AI1 alone; null where it is only compared. */
  readonly net: HoldoutNet | null;
  /** Of the model of all training rows, in the daemon; null where it is only compared. */
  readonly serving: ServingCost | null;
}

export interface LeagueReport {
  readonly dataset_id: string;
  readonly seed: number;
  readonly folds: number;
  /** coins: bars whose direction was drawn, on which nothing can be known beyond geometry. */
  readonly market: 'recorded' | 'coins';
  /** Baseline → advanced features → ensemble. */
  readonly increments: readonly Increment[];
  /** The lowest log loss of the folds first. */
  readonly entrants: readonly EntrantReport[];
  /** The entrant with the lowest log loss, of those that can be served. */
  readonly best: string;
  /** The simplest one of these within one standard error of the best. */
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
  /** Seeds that the folds are repeated with, from `seed` on; at least 1. */
  readonly seeds: number;
  readonly settings: Settings;
  readonly market: LeagueReport['market'];
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
  readonly others: Pick<EntrantReport, 'log_loss_of_seeds' | 'net' | 'serving' | 'seconds' | 'memory_mb'>;
}

/** Probabilities of rows that no fit behind them has seen. */
interface Scored {
  readonly probabilities: Float64Array;
  readonly y: Float64Array;
  /** Epoch seconds. */
  readonly time: Float64Array;
  /** Row of the data set that each is. */
  readonly row: Int32Array;
}

/**
 * Every entrant on identical purged folds, walk-forward blocks, holdout and placebo markets of AI1. Nothing is chosen
 * on the holdout: `best` and `simplest_within_error` come from the folds. Probabilities are those of the entrant,
 * without the calibration that `train` adds.
 */
export async function runLeague(options: LeagueOptions): Promise<LeagueReport> {
  const { dataset, entrants, folds, embargo, seed, market } = options;
  const rows = dataset.train.ai1;
  const foldSplits = kFoldSplits(rows, folds, embargo);
  const forwardSplits = walkForwardSplits(rows, { ...WALK_FORWARD, embargo, window: null });
  const played: Played[] = [];
  for (const entrant of entrants) played.push(await play(entrant, foldSplits, forwardSplits, options));
  const losses = played.map(({ folds: { probabilities, y } }) => rowLosses(probabilities, y));
  const { time } = played[0]!.folds;
  const served = positions(entrants.length, (index) => rowLimitOf(entrants[index]!) === null);
  const standings = standingsOf(
    Array.from(served, (index) => losses[index]!),
    time,
  );
  const best = served[standings.order[0]!]!;
  const scenarios = scenariosOfRows(rows, dataset.histories);
  const standingAt = (index: number): Standing => {
    const own = served.indexOf(index);
    return own >= 0 ? standings.of[own]! : standingAgainst(losses[index]!, losses[best]!, time);
  };
  const order = [...losses.keys()].sort((a, b) => meanOf(losses[a]!) - meanOf(losses[b]!));
  const reports = order.map((index): EntrantReport => {
    const { entrant, skill, others, ...scored } = played[index]!;
    const { behind, isWithinError } = standingAt(index);
    const { name, kind, complexity, columns } = entrant;
    return {
      name,
      kind,
      complexity,
      compared_rows: rowLimitOf(entrant),
      columns: columns.length,
      folds: measure(scored.folds, seed),
      walk_forward: measure(scored.walkForward, seed),
      holdout: measure(scored.holdout, seed),
      skill,
      behind_best: behind,
      is_within_error: isWithinError,
      scenarios: measureScenarios(scored.folds, scenarios),
      ...others,
    };
  });
  const simplest = simplestWithinError(
    standings,
    Array.from(served, (index) => entrants[index]!.complexity),
  );
  return {
    dataset_id: dataset.snapshotId,
    seed,
    folds,
    market,
    increments: incrementsOf(
      standings.order.map((own) => ({ ...entrants[served[own]!]!, losses: losses[served[own]!]! })),
      time,
    ),
    entrants: reports,
    best: entrants[best]!.name,
    simplest_within_error: entrants[served[simplest]!]!.name,
  };
}

/** null: its models can be served. */
function rowLimitOf({ learner }: Entrant): number | null {
  return 'rowLimit' in learner ? learner.rowLimit : null;
}

/** What answers rows: a fitted model, or one that is compared alone. */
interface Answering {
  answers(x: Matrix): Float64Array | Promise<Float64Array>;
}

async function play(
  entrant: Entrant,
  foldSplits: readonly Split[],
  forwardSplits: readonly Split[],
  { dataset, placebo, seed, seeds, settings, onHoldout, onProgress }: LeagueOptions,
): Promise<Played> {
  const rows = dataset.train.ai1;
  const { name, learner, columns } = entrant;
  const fitLearner = (own: Learner, subset: Int32Array, ownSeed: number): Promise<Fitted> =>
    fitAllRows(own, { task: TASK, rows, subset, columns, seed: `${ownSeed}/ai1`, continueFrom: null });
  const fitOn = (subset: Int32Array, ownSeed = seed): Promise<Answering> =>
    'rowLimit' in learner
      ? learner.fit({ rows, subset, columns, seed: `${ownSeed}/ai1` })
      : fitLearner(learner, subset, ownSeed);
  const total = seeds * foldSplits.length + forwardSplits.length + 1;
  const watch = new FitWatch();
  let done = 0;
  const step = (count: number): void => {
    done += count;
    watch.step();
    onProgress(name, done, total);
  };
  step(0);
  const scoreSplits = async (splits: readonly Split[], ownSeed = seed): Promise<Scored> => {
    const tested = Int32Array.from(splits.flatMap(({ test }) => [...test]));
    const probabilities: number[] = [];
    for (const { train, test } of splits) {
      const fitted = await fitOn(train, ownSeed);
      for (const p of await fitted.answers(takeRows(rows.x, test))) probabilities.push(p);
      step(1);
    }
    return {
      probabilities: Float64Array.from(probabilities),
      y: Float64Array.from(tested, (row) => rows.y[row]!),
      time: Float64Array.from(tested, (row) => rows.time[row]!),
      row: tested,
    };
  };
  const folds = await scoreSplits(foldSplits);
  const walkForward = await scoreSplits(forwardSplits);
  const all = Int32Array.from(rows.y.keys());
  const fitted = 'rowLimit' in learner ? null : await fitLearner(learner, all, seed);
  const answering = fitted ?? (await fitOn(all));
  step(1);
  watch.firstSeedDone();
  const lossesOfSeeds = [meanLoss(folds)];
  for (let other = 1; other < seeds; other++) lossesOfSeeds.push(meanLoss(await scoreSplits(foldSplits, seed + other)));
  const { x, y, time } = dataset.evaluation.holdout;
  const holdout = { probabilities: await answering.answers(x), y, time, row: Int32Array.from(y.keys()) };
  onHoldout(entrant, holdout.probabilities);
  const ofPlacebo = new Map<Matrix, Float64Array>();
  for (const { x: own } of placebo.flat()) ofPlacebo.set(own, await answering.answers(own));
  const skill = modelSkill(
    (of) => ofPlacebo.get(of)!,
    { scores: holdout.probabilities, y, time },
    placebo,
    dataset.histories.map(({ pair }) => pair.id),
    `${seed}/league`,
  );
  const others = {
    log_loss_of_seeds: lossesOfSeeds,
    net: fitted === null ? null : holdoutNet(dataset, fitted, folds.probabilities, settings),
    serving: fitted === null ? null : await servingCost(fitted, rows.x),
    ...watch.cost,
  };
  return { entrant, folds, walkForward, holdout, skill, others };
}

function meanLoss({ probabilities, y }: Scored): number {
  return meanOf(rowLosses(probabilities, y));
}

/** @param scenarios of all rows of the data set */
function measureScenarios(
  { probabilities, y, time, row }: Scored,
  scenarios: RowScenarios,
): EntrantReport['scenarios'] {
  return Object.fromEntries(
    SCENARIOS.flatMap((scenario) => {
      const own = positions(row.length, (i) => isOfScenario(scenarios, row[i]!, scenario));
      if (own.length === 0) return [];
      const scores = pick(probabilities, own);
      const labels = pick(y, own);
      const measured: ScenarioMeasured = {
        rows: own.length,
        log_loss: figureByDays(rowLosses(scores, labels), pick(time, own)),
        auc: auc(scores, labels),
      };
      return [[scenario, measured]];
    }),
  );
}

function measure({ probabilities, y, time }: Scored, seed: number): Measured {
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
    ece: calibrationError(probabilities, y, time, `${seed}/calibration error`),
  };
}
