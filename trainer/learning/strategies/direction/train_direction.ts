import type { Fitted } from '../../learners/contract/fitted.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import type { TrainEngine } from '../../../../shared/policy/engines.ts';
import type { VectorScaling } from '../../calibrate/vector_scaling.ts';
import type { DirectionBalance } from '../../../../shared/policy/balances.ts';
import type { DirectionPolicy } from './label/direction.ts';
import { LEARNER_DEFAULTS, type LearnerParams } from '../../learners/trees/learner.ts';
import { isTrees } from '../../learners/trees/fitted_trees.ts';
import {
  calibratedModel,
  isSearchable,
  learnsTrees,
  refuseUnfitLearner,
  type DirectionLearner,
} from './direction_learner.ts';
import { refuseUnusedDevice } from '../../learners/registry.ts';
import { openFitPool, type FitPool } from '../../learners/trees/fit_pool.ts';
import type { BiasLimits } from './gates/bias_limits.ts';
import { delayedEdge } from './delayed_edge.ts';
import { FitWatch, type FitCost } from '../../league/fit_cost.ts';
import { lookLevel } from '../../backtest/edge.ts';
import type { Trade } from '../../trades/backtest.ts';
import { directionGates } from './gates/registry.ts';
import { chooseTheta, EDGE_ERROR_RATE, walkForwardNet, type WalkForwardNet } from './direction_net.ts';
import {
  answersOfBlocks,
  directionMetrics,
  lossDifference,
  priorBlocks,
  upOrDownAuc,
  type EvaluatedAnswers,
  type DirectionMetrics,
  type LossDifference,
} from './direction_report.ts';
import { wayExaminer, type ExaminedWay } from './examined_way.ts';
import { modelBias } from './model_bias.ts';
import { blockNovelties, type NoveltyLimit } from './block_novelties.ts';
import type { DirectionBias } from './direction_bias.ts';
import type { KeptWays } from './kept_ways.ts';
import type { Measured } from './measured_way.ts';
import { refuseMissingSeries } from './formula_series.ts';
import { instrumentRows, type Instrument, type InstrumentRows } from './instrument_rows.ts';
import {
  directionSearchFits,
  searchDirection,
  type DirectionSearch,
  type DirectionSearchReport,
} from './search_direction.ts';
import { refuseNoProbability } from '../../imported/imported_file.ts';
import { blocksBehind, type ImportedDirection } from './imported_direction.ts';
import { refuseForeseeingColumns, refuseForeseeingSeries } from './series_foresight.ts';
import type { InstrumentCosts } from './strategy_backtest.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { validateDirection, type DirectionValidation } from './direction_validation.ts';
import { walkForwardSplits, type Split } from '../../splits/splits.ts';
import {
  calibrateBlocks,
  fitOnBlocks,
  learn,
  scoreBlocks,
  type CalibratedBlock,
  type LearningPlan,
  type ScoredBlock,
  type WalkForwardPlan,
} from './walk_forward.ts';

/** Slow learning, for few, noisy and overlapping labels. */
export const DIRECTION_PARAMS: LearnerParams = {
  ...LEARNER_DEFAULTS,
  rounds: 300,
  learningRate: 0.03,
  leaves: 12,
  minDataInLeaf: 200,
  l2: 5,
  columnFraction: 0.6,
  rowFraction: 0.7,
};

/** Eight blocks after an initial third; the first two calibrate, six are evaluated. */
export const DIRECTION_WALK_FORWARD: WalkForwardPlan = {
  blocks: 8,
  firstShare: 1 / 3,
  embargo: 86_400,
  calibrationBlocks: 2,
};

/** Name of the baseline that answers with the base rates of the row's own instrument. */
export const PRIOR_BY_INSTRUMENT = 'prior by instrument';

export interface DirectionPlan {
  readonly windows: InstrumentWindows;
  readonly label: DirectionPolicy;
  readonly learner: DirectionLearner;
  readonly balance: DirectionBalance;
  readonly classWeightRatio: number;
  readonly stride: number;
  readonly params: LearnerParams;
  readonly walkForward: WalkForwardPlan;
  readonly costs: InstrumentCosts;
  /** Minimum of the plain F1; null: none. */
  readonly f1Floor: number | null;
  readonly biasLimits: BiasLimits;
  /** Smallest novelty of an entry; absent: any. */
  readonly noveltyMin?: number;
  /** Search for parameters; null without one. */
  readonly search: DirectionSearch | null;
  readonly seed: string;
  readonly workers: number;
  /** Alternative balances and engines, measured on the same rows. */
  readonly balances: readonly DirectionBalance[];
  readonly peers: readonly TrainEngine[];
  /** A model of another program in place of a learned one; the first block begins behind what it has learned. */
  readonly imported?: ImportedDirection | undefined;
  /** Seeds that the log loss of each way is measured with, from `seed` on; absent: 1. */
  readonly seeds?: number;
  /** Whether the ways are examined as a league does: `ExaminedWay`; absent: they are not. */
  readonly isExamined?: boolean;
  /** Measures of balances and peers that an interrupted training of the same plan has made; absent: none. */
  readonly kept?: KeptWays;
  /** Told which of the balances and peers failed, and why: the others go on. Absent: the training fails. */
  readonly onFailed?: (name: string, error: unknown) => void;
}

export interface TrainedDirection {
  readonly rows: InstrumentRows;
  /** Number of this look at the evaluated blocks, from 1; null where looks are not counted. */
  readonly look: number | null;
  /** How the models were learned, adopted search results included. */
  readonly learning: LearningPlan;
  /** null without a search. */
  readonly search: DirectionSearchReport | null;
  /** Calibrated. */
  readonly model: Fitted;
  readonly scaling: VectorScaling;
  readonly theta: number;
  /** null: it is not of trees alone. */
  readonly trees: number | null;
  readonly metrics: DirectionMetrics;
  /** As of the other ways. */
  readonly log_loss_of_seeds: readonly number[];
  readonly cost: FitCost;
  /** As of the other ways; absent: the plan does not examine ways. */
  readonly examined?: ExaminedWay;
  readonly blocks: readonly CalibratedBlock[];
  readonly net: WalkForwardNet;
  readonly bias: DirectionBias;
  readonly gates: readonly GateResult[];
  /** Stability, classes, scenarios and importance, on rows that the models did not learn from. */
  readonly validation: DirectionValidation;
  /** Log loss of the priors, and the model's loss minus theirs. */
  readonly priors: readonly { readonly name: string; readonly log_loss: number; readonly difference: LossDifference }[];
  readonly others: readonly Measured[];
}

export type OnStage = (stage: string, done: number, total: number) => void;

/** The time that is evaluated, epoch seconds, and the trades in it. */
export interface DirectionLook {
  readonly from: number;
  readonly to: number;
  readonly trades: readonly Trade[];
}

interface Run {
  readonly rows: InstrumentRows;
  readonly instruments: readonly Instrument[];
  readonly plan: DirectionPlan;
  readonly pool: FitPool;
  readonly onStage: OnStage;
  readonly countLook: ((look: DirectionLook) => number) | null;
  /** Of the test rows of all blocks, whichever way learns from them. */
  readonly novelty: NoveltyLimit | undefined;
  /** null: the plan does not examine ways. */
  readonly examine: ReturnType<typeof wayExaminer> | null;
  /** Of this training: its variants share the look of the chosen one. */
  look: number | null;
}

/**
 * data → features → labels → checks for foresight → purged walk-forward → calibration → evaluation against priors and
 * peers → net result → gates → model of all rows. No choice uses the block it is evaluated on.
 * @param countLook counts a look at the evaluated blocks and gives its number, from 1; null: they are seen once
 * @throws MinutehandError SERIES_FORESIGHT, FEATURE_FORESIGHT, DATA_MISSING for a series that a formula reads and no
 * instrument has, DATA_TOO_SHORT, LEARNER_MISSING
 */
export async function trainDirection(
  instruments: readonly Instrument[],
  given: DirectionPlan,
  onStage: OnStage,
  countLook: ((look: DirectionLook) => number) | null = null,
): Promise<TrainedDirection> {
  const { rows, series, column, plan } = prepare(instruments, given, onStage);
  const pool = openFitPool(plan.workers);
  const novelty = noveltyLimit(rows, plan);
  const examine = plan.isExamined === true ? wayExaminer({ rows, instruments, plan, seed: plan.seed }) : null;
  const run: Run = { rows, instruments, plan, pool, onStage, countLook, novelty, examine, look: null };
  try {
    const { learning: own, report: search } = await searched(run);
    const reference = await measure(run, 'walk-forward', own);
    const { scored, calibrated, metrics, net, log_loss_of_seeds, cost, examined } = reference;
    const answers = answersOfBlocks(rows, calibrated);
    const priors = (['prior', PRIOR_BY_INSTRUMENT] as const).map((name) => {
      const blocks = priorBlocks(rows, calibrated, name === PRIOR_BY_INSTRUMENT);
      const difference = lossDifference(rows, answers, answersOfBlocks(rows, blocks), `${plan.seed}/${name}`);
      return { name, log_loss: directionMetrics(rows, blocks).log_loss, difference };
    });
    const others: Measured[] = [];
    for (const [name, way] of otherWays(plan, own)) {
      const known = plan.kept?.read(name, run.look) ?? null;
      const other = known ?? (await measuredOther(run, name, way, answers));
      if (other === null) continue;
      if (known === null) plan.kept?.write(name, run.look, other);
      others.push(other);
    }
    onStage('model of all rows', 0, 1);
    const raw = await learn(rows, Int32Array.from(rows.time.keys()), own, pool);
    onStage('model of all rows', 1, 1);
    const scaling = fitOnBlocks(rows, scored, Infinity);
    const theta = chooseTheta({ rows, instruments, costs: plan.costs, novelty }, scored, Infinity);
    const model = calibratedModel(raw, scaling);
    onStage('report', 0, 1);
    const validation = validateDirection({ rows, instruments, plan, blocks: calibrated, model, seed: plan.seed });
    onStage('report', 1, 1);
    const bias = modelBias(rows, answers, instruments[0]!.bars.timeframe, plan.biasLimits);
    const hasEdge = !net.result.no_edge || Object.values(net.edge).some(({ no_edge }) => !no_edge);
    const delayed = hasEdge && series.length > 0 ? delayedEdge(run, calibrated, net) : null;
    const upOrDown = upOrDownAuc(rows, answers);
    const gates = directionGates({
      bias,
      upOrDown,
      series,
      column,
      delayed,
      hasEdge,
      f1: metrics,
      f1Floor: plan.f1Floor,
      biasLimits: plan.biasLimits,
    });
    return {
      rows,
      look: run.look,
      learning: own,
      search,
      model,
      scaling,
      theta,
      trees: treesIn(raw),
      metrics,
      log_loss_of_seeds,
      cost,
      ...(examined && { examined }),
      blocks: calibrated,
      net,
      bias,
      gates,
      validation,
      priors,
      others,
    };
  } finally {
    await pool.close();
  }
}

/** Features and labels, after their checks for foresight, and for engines that this machine lacks. */
function prepare(instruments: readonly Instrument[], given: DirectionPlan, onStage: OnStage) {
  refuseUnfitWays(given);
  onStage('features and labels', 0, 1);
  const series = refuseForeseeingSeries(instruments);
  refuseMissingSeries(instruments, given.windows);
  const rows = instrumentRows(instruments, { ...given, mirrored: readsMirrored(given) });
  const plan = planBehind(rows, given);
  const column = refuseForeseeingColumns(rows, trainingRows(rows, plan.walkForward));
  onStage('features and labels', 1, 1);
  return { rows, series, column, plan };
}

/** The plan with the blocks of a model of another program. @throws MinutehandError DATA_TOO_SHORT, MODEL_LOAD */
function planBehind(rows: InstrumentRows, plan: DirectionPlan): DirectionPlan {
  const { imported } = plan;
  if (imported === undefined) return plan;
  refuseNoProbability(imported.model, rows.x, imported.file);
  return { ...plan, walkForward: blocksBehind(rows, plan.walkForward, imported.learnedUntil) };
}

/**
 * Refuses learners that cannot learn what a plan asks of them, before anything is read.
 * @throws MinutehandError LEARNER_TASK, LEARNER_MISSING, SETTING_UNSUPPORTED
 */
export function refuseUnfitWays({ learner, balance, balances, peers, search, imported }: WaysOfPlan): void {
  const { engine, device, ensembles } = learner;
  refuseUnusedDevice(imported === undefined ? [engine, ...peers] : peers, device, ensembles);
  if (search !== null) refuseUnfitSearch(learner, search);
  refuseUnfitLearner(learner, [balance, ...balances]);
  for (const peer of peers) refuseUnfitLearner({ ...learner, engine: peer }, [balance]);
}

/** @throws MinutehandError LEARNER_TASK for a search, or a range of it, of what the learner does not have */
function refuseUnfitSearch(learner: DirectionLearner, { trials, ranges }: DirectionSearch): void {
  const { engine } = learner;
  if (!isSearchable(learner))
    throw new MinutehandError('LEARNER_TASK', {
      seen: `a search of ${trials} trials with the engine ${engine}`,
      expected: 'an engine with trees or a network, whose figures the search varies',
      next: 'Leave the search out, or choose another engine.',
    });
  const range = Object.entries(ranges).find(([, ends]) => Object.keys(ends).length > 0);
  if (range !== undefined && !learnsTrees(learner))
    throw new MinutehandError('LEARNER_TASK', {
      seen: `search.ranges.${range[0]} with the engine ${engine}`,
      expected: 'no range of trees: those of a network are fixed (docs/reference/MODELS.md#search)',
      next: 'Omit it, or choose an engine with trees.',
    });
}

type WaysOfPlan = Pick<DirectionPlan, 'learner' | 'balance' | 'balances' | 'peers' | 'search' | 'imported'>;

/**
 * The rows of a training, after its checks.
 * @throws MinutehandError as `trainDirection`
 */
export function preparedRows(
  instruments: readonly Instrument[],
  plan: DirectionPlan,
  onStage: OnStage,
): InstrumentRows {
  return prepare(instruments, plan, onStage).rows;
}

function noveltyLimit(
  rows: InstrumentRows,
  { noveltyMin, walkForward, seed, imported }: DirectionPlan,
): NoveltyLimit | undefined {
  if (noveltyMin === undefined) return undefined;
  const splits = allSplits(rows, walkForward);
  return { min: noveltyMin, novelties: blockNovelties({ rows, splits, seed, imported }) };
}

/** The blocks of time that a training is evaluated on, the earliest first. */
export function evaluatedSplits(rows: InstrumentRows, plan: WalkForwardPlan): Split[] {
  return allSplits(rows, plan).slice(plan.calibrationBlocks);
}

/** Those before, too, which calibration begins with. */
function allSplits(rows: InstrumentRows, { calibrationBlocks: _, ...plan }: WalkForwardPlan): Split[] {
  return walkForwardSplits(rows, { ...plan, window: null });
}

/** What a training would learn. */
export interface DirectionOutline {
  readonly rows: number;
  readonly columns: number;
  /** Bars of each instrument, and how many of them have features and a known label. */
  readonly instruments: readonly { readonly symbol: string; readonly bars: number; readonly labeled: number }[];
  /** Closes of the first labeled bar, of the first evaluated one, and of the last one, epoch seconds. */
  readonly period: { readonly from: number; readonly evaluatedFrom: number; readonly to: number };
  readonly evaluatedRows: number;
  /** Models that are learned; at most, where a search ends trials early. */
  readonly fits: number;
}

/**
 * Everything that precedes the first fit of a training, by the same code, and nothing after it.
 * @throws MinutehandError as `trainDirection`
 */
export function outlineDirection(
  instruments: readonly Instrument[],
  given: DirectionPlan,
  onStage: OnStage,
): DirectionOutline {
  const { rows, plan } = prepare(instruments, given, onStage);
  const evaluated = evaluatedSplits(rows, plan.walkForward);
  const isLearned = plan.imported === undefined;
  const learnedWays = (isLearned ? 1 : 0) + variantsOf(plan);
  return {
    rows: rows.x.rows,
    columns: rows.x.columns,
    instruments: instruments.map(({ bars: { symbol, length } }, i) => ({
      symbol,
      bars: length,
      labeled: rows.instrument.reduce((count, own) => count + (own === i ? 1 : 0), 0),
    })),
    period: {
      from: rows.time.reduce((least, time) => Math.min(least, time), Infinity),
      evaluatedFrom: evaluated[0]!.from,
      to: rows.time.reduce((most, time) => Math.max(most, time), -Infinity),
    },
    evaluatedRows: evaluated.reduce((sum, { test }) => sum + test.length, 0),
    // One for each block and way, one of all rows, and those of the search. An imported model is not learned.
    fits:
      learnedWays * plan.walkForward.blocks +
      (isLearned ? 1 : 0) +
      (plan.search === null ? 0 : directionSearchFits(plan.search.trials)),
  };
}

/** Whether one of the ways learns from the mirrored market. */
function readsMirrored({ balance, balances }: DirectionPlan): boolean {
  return [balance, ...balances].includes('mirror');
}

/** Trees of all classes; null: the model is not of trees alone. */
function treesIn(model: Fitted): number | null {
  return isTrees(model) ? model.trees.ensembles.reduce((sum, { trees }) => sum + trees.length, 0) : null;
}

/** Balances and engines that are measured beside the chosen way. */
function variantsOf({ balances, balance, peers }: DirectionPlan): number {
  return balances.filter((own) => own !== balance).length + peers.length;
}

/** Of the last block: the most that any evaluated model has learned from. */
function trainingRows(rows: InstrumentRows, { blocks, firstShare, embargo }: WalkForwardPlan): Int32Array {
  return walkForwardSplits(rows, { blocks, firstShare, embargo, window: null }).at(-1)!.train;
}

/** The configured parameters, or those that a search adopted. */
async function searched({
  rows,
  plan,
  pool,
  onStage,
}: Run): Promise<{ learning: LearningPlan; report: DirectionSearchReport | null }> {
  const { params, balance, classWeightRatio, seed, stride, search, walkForward } = plan;
  const learning: LearningPlan = {
    learner: plan.learner,
    params: { ...params, seed },
    balance: { balance, classWeightRatio, seed },
    stride,
    ...(plan.imported && { fixed: plan.imported.model }),
  };
  if (search === null) return { learning, report: null };
  const onTrial = (done: number, total: number): void => onStage('search', done, total);
  return searchDirection({ rows, learning, walkForward, search, pool, onTrial });
}

/** Other balances and engines, with the same parameters. */
function otherWays({ balances, peers }: DirectionPlan, learning: LearningPlan): [string, LearningPlan][] {
  return [
    ...balances
      .filter((balance) => balance !== learning.balance.balance)
      .map((balance): [string, LearningPlan] => [balance, { ...learning, balance: { ...learning.balance, balance } }]),
    ...peers.map((engine): [string, LearningPlan] => [
      engine,
      { ...learning, learner: { ...learning.learner, engine }, fixed: undefined },
    ]),
  ];
}

/** Closes of the first and the last evaluated bar. */
export function evaluatedTime({ time }: InstrumentRows, blocks: readonly Split[]): Omit<DirectionLook, 'trades'> {
  let from = Infinity;
  let to = -Infinity;
  for (const { test } of blocks) {
    for (const row of test) {
      from = Math.min(from, time[row]!);
      to = Math.max(to, time[row]!);
    }
  }
  return { from, to };
}

/** Beside the answers of the chosen way; null: it failed, which the plan allows. */
async function measuredOther(
  run: Run,
  name: string,
  way: LearningPlan,
  answers: EvaluatedAnswers,
): Promise<Measured | null> {
  const other = await measureOther(run, name, way);
  if (other === null) return null;
  const { rows, plan } = run;
  const { metrics, net, log_loss_of_seeds, cost, examined } = other;
  const theirs = answersOfBlocks(rows, other.calibrated);
  const against = lossDifference(rows, theirs, answers, `${plan.seed}/${name}`);
  return { name, metrics, against, net: net.result, log_loss_of_seeds, cost, ...(examined && { examined }) };
}

/** null: it failed, which the plan allows. */
async function measureOther(
  run: Run,
  name: string,
  way: LearningPlan,
): Promise<Awaited<ReturnType<typeof measure>> | null> {
  const { onFailed } = run.plan;
  if (onFailed === undefined) return await measure(run, name, way);
  try {
    return await measure(run, name, way);
  } catch (error) {
    onFailed(name, error);
    return null;
  }
}

async function measure(
  run: Run,
  stage: string,
  way: LearningPlan,
): Promise<{
  scored: ScoredBlock[];
  calibrated: CalibratedBlock[];
  metrics: DirectionMetrics;
  net: WalkForwardNet;
  log_loss_of_seeds: number[];
  cost: FitCost;
  examined: ExaminedWay | null;
}> {
  const { rows, instruments, plan, pool, onStage, novelty } = run;
  const watch = new FitWatch();
  const { walkForward, costs } = plan;
  const variants = 1 + variantsOf(plan);
  const score = (own: LearningPlan): Promise<ScoredBlock[]> =>
    scoreBlocks(rows, own, walkForward, pool, (done, total) => {
      watch.step();
      onStage(stage, done, total);
    });
  const scored = await score(way);
  const calibrated = calibrateBlocks(rows, scored, walkForward);
  watch.firstSeedDone();
  const levelOf = (trades: readonly Trade[]): number => {
    if (run.countLook === null) return EDGE_ERROR_RATE;
    const evaluated = calibrated.map(({ split }) => split);
    run.look ??= run.countLook({ ...evaluatedTime(rows, evaluated), trades });
    return plan.imported?.facts.exported_holdout ? 0 : lookLevel(run.look);
  };
  const net = walkForwardNet({ rows, instruments, scored, calibrated, costs, novelty, variants, levelOf });
  const metrics = directionMetrics(rows, calibrated);
  const log_loss_of_seeds = [metrics.log_loss];
  for (let other = 1; other < (plan.seeds ?? 1); other++) {
    const again = calibrateBlocks(rows, await score(withSeed(way, `${Number(plan.seed) + other}`)), walkForward);
    log_loss_of_seeds.push(directionMetrics(rows, again).log_loss);
  }
  const { cost } = watch;
  const examined = run.examine === null ? null : await run.examine(calibrated);
  return { scored, calibrated, metrics, net, log_loss_of_seeds, cost, examined };
}

function withSeed(way: LearningPlan, seed: string): LearningPlan {
  return { ...way, params: { ...way.params, seed }, balance: { ...way.balance, seed } };
}
