import type { Skill } from '../../../shared/bundle/manifest.ts';
import type { TrainingWarning } from '../../../shared/bundle/training_warning.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { meanOf, meanOrNull } from '../../../shared/statistics.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { DatasetRows } from '../dataset/dataset_rows.ts';
import type { ModelMarkets } from '../generated/generated_pairs.ts';
import { pick, positions } from '../dataset/rows.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { WALK_FORWARD } from '../learners/model_learning.ts';
import { rateThreshold } from '../measures/confusion.ts';
import { splitAuc } from '../measures/split_auc.ts';
import type { PlaceboMarkets } from '../placebo/placebo_rows.ts';
import { modelSkill } from '../placebo/skill.ts';
import { kFoldSplits, walkForwardSplits, type Split } from '../splits/splits.ts';
import {
  isOfScenario,
  marketWarnings,
  SCENARIOS,
  scenariosOfRows,
  type RowScenarios,
  type Scenario,
} from '../splits/scenarios.ts';
import { aucOfSplits, type SplitScores } from '../statistics/auc_error.ts';
import { splitShares, type SplitShares } from '../validate/split_shares.ts';
import { calibrationError } from './calibration_error.ts';
import { callsOf, spreadOfSplits, type Calls, type SpreadOfSplits } from './calls.ts';
import { answersOf, fitEntrant, type EntrantFit, type EntrantModels } from './entrant_models.ts';
import { failedEntrant, type FailedEntrant } from './failed_entrants.ts';
import { FitWatch, type FitCost } from './fit_cost.ts';
import { measureGenerated, type GeneratedScenarios } from './generated_scenarios.ts';
import { holdoutNet, type HoldoutNet } from './holdout_net.ts';
import { incrementsOf, type EntrantKind, type Increment } from './increments.ts';
import { earnersOnPlacebo, type PlaceboEarner } from './placebo_verdict.ts';
import { servingCost, type ServingCost } from './serving_cost.ts';
import {
  figureByDays,
  figureOf,
  meanByDays,
  rowLosses,
  simplestWithinError,
  standingsOf,
} from '../statistics/standings.ts';
import type { Figure } from '../statistics/standings.ts';

/** A learner of AI1 in a league. Every entrant gets the same rows of the same splits. */
export interface Entrant extends EntrantFit {
  readonly name: string;
  readonly kind: EntrantKind;
  /** Order of simplicity: a smaller number is simpler. */
  readonly complexity: number;
}

export interface Measured {
  readonly rows: number;
  readonly days: number;
  readonly log_loss: Figure;
  readonly brier: Figure;
  /** Rows are ranked among those of their own split: see `aucOfSplits`. */
  readonly auc: Figure;
  readonly ece: Figure;
  /**
   * As calls of one class or the other. The threshold lets as large a share of the folds’ probabilities pass as labels
   * of the folds are positive, so the holdout does not influence it. Counts are sums over splits, shares means.
   */
  readonly calls: Calls;
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
  /** Columns of the features that it may use. */
  readonly columns: number;
  /** Purged k-fold of the training rows. */
  readonly folds: Measured;
  /** Blocks of the training rows, each by a fit of the rows before it. */
  readonly walk_forward: Measured;
  /** Rows that no choice has seen, by a fit of all training rows. */
  readonly holdout: Measured;
  /** Computed on each split separately. */
  readonly spread: { readonly folds: SpreadOfSplits; readonly walk_forward: SpreadOfSplits };
  /** AUC of the holdout beyond what geometry alone earns on sign-randomized markets; null where there is none. */
  readonly skill: Skill | null;
  /** Log loss of the folds above that of the best entrant, paired row by row; its error is over days. */
  readonly behind_best: Figure;
  /** Whether that is within one standard error. The best one is. */
  readonly is_within_error: boolean;
  /** Log loss of the folds by each seed, the first one's first. */
  readonly log_loss_of_seeds: readonly number[];
  /** Log loss and AUC of the folds' rows in each scenario that has rows. */
  readonly scenarios: Readonly<Partial<Record<Scenario, ScenarioMeasured>>>;
  /**
   * Answers of the fit of all training rows in markets made of the pairs' own bars: what it says in such a market.
   * Empty where models have columns that these bars do not give.
   */
  readonly generated: GeneratedScenarios;
  /** Trades on the holdout by this entrant's AI1 alone. */
  readonly net: HoldoutNet;
  /** Of the model of all training rows, in the daemon. */
  readonly serving: ServingCost;
}

export interface LeagueReport {
  readonly dataset_id: string;
  readonly seed: number;
  readonly folds: number;
  /** coins: bars whose direction was drawn, on which nothing can be known beyond geometry. */
  readonly market: 'recorded' | 'coins';
  /** Of the splits of folds and blocks, in their order, and of the holdout: the same for all entrants. */
  readonly class_shares: Readonly<Record<'folds' | 'walk_forward' | 'holdout', readonly SplitShares[]>>;
  /** Baseline → advanced features → ensemble. */
  readonly increments: readonly Increment[];
  /** The lowest log loss of the folds first. */
  readonly entrants: readonly EntrantReport[];
  /** Entrants without a result. The others are compared without them. */
  readonly failed: readonly FailedEntrant[];
  /** Entrants whose measures, times and memory included, are those of an unfinished league like this one. */
  readonly taken_over: readonly string[];
  /** Who shows an edge on a market of coins: not to be trusted with any. Empty on the recorded one. */
  readonly earners_on_placebo: readonly PlaceboEarner[];
  /** Of the training rows, as a training on them has. */
  readonly warnings: readonly TrainingWarning[];
  /** The entrant with the lowest log loss, of those that can be served. */
  readonly best: string;
  /** The simplest one of these within one standard error of the best. */
  readonly simplest_within_error: string;
}

export interface LeagueOptions {
  readonly dataset: Dataset;
  readonly placebo: PlaceboMarkets;
  /** Generated ones of AI1. */
  readonly generated: ModelMarkets;
  readonly entrants: readonly Entrant[];
  readonly folds: number;
  /** Seconds between the end of a training label and a test row. */
  readonly embargo: number;
  readonly seed: number;
  /** Seeds that the folds are repeated with, from `seed` on; at least 1. */
  readonly seeds: number;
  readonly settings: Settings;
  readonly market: LeagueReport['market'];
  /** Keeps what has been measured of each entrant; null: nothing is kept, and nothing taken over. */
  readonly kept: KeptEntrants | null;
  /** An answer to the holdout exists, and is not yet evaluated: this is a look. Its error ends the league. */
  onHoldout(entrant: Entrant, probabilities: Float64Array): void;
  onProgress(entrant: string, done: number, total: number): void;
}

/** What has been measured of one entrant, until all are compared. */
export interface PlayedEntrant {
  /** Probabilities of the rows of the folds and of the blocks, in the order of their splits, and of the holdout. */
  readonly folds: Float64Array;
  readonly walkForward: Float64Array;
  readonly holdout: Float64Array;
  readonly skill: Skill | null;
  readonly others: Pick<EntrantReport, 'log_loss_of_seeds' | 'generated' | 'net' | 'serving' | 'seconds' | 'memory_mb'>;
}

/** An entrant, and how many evaluations of the holdout those before it take. */
export interface EntrantPlace {
  readonly entrant: Entrant;
  readonly looksBefore: number;
}

/** Measures of entrants that an interrupted league has left. */
export interface KeptEntrants {
  /** null: none of this entrant in a league like this one. */
  read(place: EntrantPlace): PlayedEntrant | null;
  write(place: EntrantPlace, played: PlayedEntrant): void;
}

/** Probabilities of rows that no fit behind them has seen. */
interface Scored {
  readonly probabilities: Float64Array;
  readonly y: Float64Array;
  /** Epoch seconds. */
  readonly time: Float64Array;
  /** Row of the data set that each is. */
  readonly row: Int32Array;
  /** Number of the split whose fit answered. */
  readonly split: Int32Array;
}

/**
 * Every entrant on identical purged folds, walk-forward blocks, holdout and placebo markets of AI1. Nothing is chosen
 * on the holdout: `best` and `simplest_within_error` come from the folds. Probabilities are those of the entrant,
 * without the calibration that `train` adds. An entrant that fails is left out.
 * @throws the error of the first entrant where none that can be served has a result; what `onHoldout` throws
 */
export async function runLeague(options: LeagueOptions): Promise<LeagueReport> {
  const { dataset, folds, embargo, seed, market } = options;
  const rows = dataset.train.ai1;
  const foldSplits = kFoldSplits(rows, folds, embargo);
  const forwardSplits = walkForwardSplits(rows, { ...WALK_FORWARD, embargo, window: null });
  const { results, failed, takenOver } = await playAll({ foldSplits, forwardSplits }, options);
  const entrants = results.map(({ entrant }) => entrant);
  const { holdout } = dataset.evaluation;
  const played = results.map(({ entrant, played: own }) => ({
    entrant,
    folds: scoredOf(rows, foldSplits, own.folds),
    walkForward: scoredOf(rows, forwardSplits, own.walkForward),
    holdout: {
      probabilities: own.holdout,
      y: holdout.y,
      time: holdout.time,
      row: Int32Array.from(holdout.y.keys()),
      split: new Int32Array(holdout.y.length),
    },
    skill: own.skill,
    others: own.others,
  }));
  const losses = played.map(({ folds: { probabilities, y } }) => rowLosses(probabilities, y));
  const { time } = played[0]!.folds;
  const standings = standingsOf(losses, time);
  const best = standings.order[0]!;
  const scenarios = scenariosOfRows(rows, dataset.histories);
  const reports = standings.order.map((index): EntrantReport => {
    const { entrant, skill, others, ...scored } = played[index]!;
    const { behind, isWithinError } = standings.of[index]!;
    const threshold = rateThreshold(scored.folds.probabilities, meanOf(scored.folds.y));
    const measured = (of: Scored): Measured => measure(of, seed, threshold);
    const { name, kind, complexity, columns } = entrant;
    return {
      name,
      kind,
      complexity,
      columns: columns.length,
      folds: measured(scored.folds),
      walk_forward: measured(scored.walkForward),
      holdout: measured(scored.holdout),
      spread: {
        folds: spreadOfSplits(foldSplits, scored.folds, threshold),
        walk_forward: spreadOfSplits(forwardSplits, scored.walkForward, threshold),
      },
      skill,
      behind_best: behind,
      is_within_error: isWithinError,
      scenarios: measureScenarios(scored.folds, scenarios),
      ...others,
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
    market,
    class_shares: {
      folds: foldSplits.map((split) => splitShares(split, rows)),
      walk_forward: forwardSplits.map((split) => splitShares(split, rows)),
      holdout: [holdoutShares(rows, dataset.evaluation.holdout)],
    },
    increments: incrementsOf(
      standings.order.map((own) => ({ ...entrants[own]!, losses: losses[own]! })),
      time,
    ),
    entrants: reports,
    failed,
    taken_over: takenOver,
    earners_on_placebo: earnersOnPlacebo(
      market,
      reports.map(({ name, net }) => ({ name, edges: net.edges })),
    ),
    warnings: marketWarnings(scenarios.trend),
    best: entrants[best]!.name,
    simplest_within_error: entrants[simplest]!.name,
  };
}

/** Of the fit of all training rows. */
function holdoutShares({ y }: Pick<Scored, 'y'>, holdout: Pick<Scored, 'y'>): SplitShares {
  return {
    split: 'holdout',
    train_rows: y.length,
    train_share: meanOrNull(y),
    test_rows: holdout.y.length,
    test_share: meanOrNull(holdout.y),
  };
}

/** The same for all entrants. */
interface Field {
  readonly foldSplits: readonly Split[];
  readonly forwardSplits: readonly Split[];
}

interface Results {
  readonly results: readonly { readonly entrant: Entrant; readonly played: PlayedEntrant }[];
  readonly failed: readonly FailedEntrant[];
  /** Names. */
  readonly takenOver: readonly string[];
}

/** One after the other; what ends one of them does not end the others. */
async function playAll(field: Field, options: LeagueOptions): Promise<Results> {
  const { entrants, kept } = options;
  const results: { entrant: Entrant; played: PlayedEntrant }[] = [];
  const failed: FailedEntrant[] = [];
  const takenOver: string[] = [];
  const errors: unknown[] = [];
  let looksBefore = 0;
  for (const entrant of entrants) {
    const place = { entrant, looksBefore };
    looksBefore += looksOf(entrant);
    const known = kept?.read(place) ?? null;
    if (known !== null) {
      options.onHoldout(entrant, known.holdout);
      options.onProgress(entrant.name, 1, 1);
      takenOver.push(entrant.name);
      results.push({ entrant, played: known });
      continue;
    }
    let uncounted: unknown = null;
    // A result whose look cannot be counted must not be seen.
    const onHoldout = (own: Entrant, probabilities: Float64Array): void => {
      try {
        options.onHoldout(own, probabilities);
      } catch (error) {
        uncounted = error;
        throw error;
      }
    };
    try {
      const played = await play(place, field, { ...options, onHoldout });
      kept?.write(place, played);
      results.push({ entrant, played });
    } catch (error) {
      if (error === uncounted) throw error;
      failed.push(failedEntrant(entrant.name, error));
      errors.push(error);
    }
  }
  if (results.length > 0) return { results, failed, takenOver };
  throw errors[0];
}

/** One for each of its models that trades on the holdout, whether or not it fails. */
function looksOf(entrant: Entrant): number {
  return entrant.groups === null ? 1 : entrant.groups.length + 1;
}

async function play(
  { entrant, looksBefore }: EntrantPlace,
  { foldSplits, forwardSplits }: Field,
  { dataset, placebo, generated, seed, seeds, settings, onHoldout, onProgress }: LeagueOptions,
): Promise<PlayedEntrant> {
  const rows = dataset.train.ai1;
  const fitOn = (subset: Int32Array, ownSeed = seed): Promise<EntrantModels> =>
    fitEntrant(entrant, rows, subset, `${ownSeed}/ai1`);
  const total = seeds * foldSplits.length + forwardSplits.length + 1;
  const watch = new FitWatch();
  let done = 0;
  const step = (count: number): void => {
    done += count;
    watch.step();
    onProgress(entrant.name, done, total);
  };
  step(0);
  const answersTo = async (splits: readonly Split[], ownSeed = seed): Promise<Float64Array> => {
    const probabilities: number[] = [];
    for (const { train, test } of splits) {
      const fitted = await fitOn(train, ownSeed);
      const answers = answersOf(fitted, takeRows(rows.x, test), pick(rows.pair, test));
      for (const p of answers) probabilities.push(p);
      step(1);
    }
    return Float64Array.from(probabilities);
  };
  const folds = await answersTo(foldSplits);
  const walkForward = await answersTo(forwardSplits);
  const fitted = await fitOn(Int32Array.from(rows.y.keys()));
  step(1);
  watch.firstSeedDone();
  const lossOf = (probabilities: Float64Array): number => meanLoss(scoredOf(rows, foldSplits, probabilities));
  const lossesOfSeeds = [lossOf(folds)];
  for (let other = 1; other < seeds; other++) lossesOfSeeds.push(lossOf(await answersTo(foldSplits, seed + other)));
  const { x, y, time, pair } = dataset.evaluation.holdout;
  const holdout = answersOf(fitted, x, pair);
  onHoldout(entrant, holdout);
  const pairs = dataset.histories.map(({ pair: { id } }) => id);
  const ofPlacebo = new Map<Matrix, Float64Array>();
  for (const { x: own, pairId } of placebo.flat())
    ofPlacebo.set(own, answersOf(fitted, own, new Int32Array(own.rows).fill(pairs.indexOf(pairId))));
  const skill = modelSkill((of) => ofPlacebo.get(of)!, { scores: holdout, y, time }, placebo, pairs, `${seed}/league`);
  let looks = looksBefore;
  const others = {
    log_loss_of_seeds: lossesOfSeeds,
    generated: await measureGenerated(fitted, generated, pairs),
    net: holdoutNet(dataset, fitted, folds, settings, () => ++looks),
    serving: await servingCost(fitted, rows.x, pairs.length),
    ...watch.cost,
  };
  return { folds, walkForward, holdout, skill, others };
}

/** @param probabilities of the test rows of all splits, in their order */
function scoredOf(rows: DatasetRows, splits: readonly Split[], probabilities: Float64Array): Scored {
  const tested = Int32Array.from(splits.flatMap(({ test }) => [...test]));
  return {
    probabilities,
    y: Float64Array.from(tested, (row) => rows.y[row]!),
    time: Float64Array.from(tested, (row) => rows.time[row]!),
    row: tested,
    split: Int32Array.from(splits.flatMap(({ test }, index) => Array.from(test, () => index))),
  };
}

function meanLoss({ probabilities, y }: Scored): number {
  return meanOf(rowLosses(probabilities, y));
}

/** @param scenarios of all rows of the data set */
function measureScenarios(
  { probabilities, y, time, row, split }: Scored,
  scenarios: RowScenarios,
): EntrantReport['scenarios'] {
  return Object.fromEntries(
    SCENARIOS.flatMap((scenario) => {
      const own = positions(row.length, (i) => isOfScenario(scenarios, row[i]!, scenario));
      if (own.length === 0) return [];
      const scores = pick(probabilities, own);
      const labels = pick(y, own);
      const times = pick(time, own);
      const measured: ScenarioMeasured = {
        rows: own.length,
        log_loss: figureByDays(rowLosses(scores, labels), times),
        auc: splitAuc(bySplit({ probabilities: scores, y: labels, time: times, split: own.map((row) => split[row]!) })),
      };
      return [[scenario, measured]];
    }),
  );
}

function measure(scored: Scored, seed: number, threshold: number): Measured {
  const { probabilities, y, time } = scored;
  const splits = bySplit(scored);
  // Within a single day there is no error.
  const byDays = aucOfSplits(splits);
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
    auc: { value: byDays?.auc ?? splitAuc(splits), standard_error: byDays?.standard_error ?? null },
    ece: calibrationError(probabilities, y, time, `${seed}/calibration error`),
    calls: callsOf(splits, threshold),
  };
}

/** The rows that each fit has answered. */
function bySplit({ probabilities, y, time, split }: Omit<Scored, 'row'>): SplitScores[] {
  return [...new Set(split)].map((index) => {
    const own = positions(split.length, (row) => split[row] === index);
    return { scores: pick(probabilities, own), labels: pick(y, own), time: pick(time, own) };
  });
}
