import { ln } from '../../../../shared/elementary.ts';
import type { FitPool } from '../../learners/trees/fit_pool.ts';
import type { LearnerParams } from '../../learners/trees/learner.ts';
import { searchTraining } from '../../search/search.ts';
import type { FloatParameter, IntegerParameter, Params, Space } from '../../search/space.ts';
import { BALANCE_PENALTY, balancePenalty } from '../../search/search_model.ts';
import { around, MIN_L2, networkOf, networkParams, networkSpace } from '../../search/training_space.ts';
import { isNetwork, type NetworkParameters } from '../../learners/networks/network_parameters.ts';
import { pick, positions } from '../../dataset/rows.ts';
import { meanTest, type MeanTest } from '../../statistics/mean_test.ts';
import { walkForwardSplits, type Split } from '../../splits/splits.ts';
import { answersOfBlocks, directionMetrics, type EvaluatedAnswers, priorBlocks } from './direction_report.ts';
import type { DirectionRanges } from './direction_settings.ts';
import { hasClassWeights } from './learned_rows.ts';
import type { InstrumentRows } from './instrument_rows.ts';
import { DOWN, UP } from './label/direction.ts';
import {
  calibrateBlocks,
  scoreBlock,
  type LearningPlan,
  type ScoredBlock,
  type WalkForwardPlan,
} from './walk_forward.ts';

/** Probability of adopting parameters that are no better. */
const ADOPTION_ERROR_RATE = 0.05;
const SECONDS_PER_DAY = 86_400;
/**
 * Of the rows before all evaluated blocks: the first block calibrates, the next ones choose among the trials, and the
 * last one, which no trial has seen, decides whether the best of them is better. The best of many is better by chance
 * on the blocks that chose it.
 */
const INNER: Pick<WalkForwardPlan, 'blocks' | 'firstShare' | 'calibrationBlocks'> = {
  blocks: 6,
  firstShare: 0.4,
  calibrationBlocks: 1,
};

export interface DirectionSearch {
  readonly trials: number;
  /** Whether a trial is measured by its gain − 0.5 · |0.5 − mean|, as those of a network always are. */
  readonly balancePenalty: boolean;
  /** In place of the delivered ranges of tree parameters; widened to contain the configured values. */
  readonly ranges: DirectionRanges;
}

/** Gains: log loss of the base rates minus that of the model, before all evaluated blocks. */
export interface DirectionSearchReport {
  readonly trials: number;
  readonly complete: number;
  readonly pruned: number;
  readonly failed: number;
  /** Factor of |0.5 − mean| in the gains of the trials; null without a penalty. */
  readonly balance_penalty: number | null;
  readonly configured_gain: number;
  readonly best_gain: number;
  /** Standard error of their difference, over the blocks. */
  readonly standard_error: number;
  readonly best_parameters: Params;
  /** Log loss as configured minus that of the best trial, on the block after the search, and P(so much by chance). */
  readonly forward_gain: number | null;
  readonly forward_p_value: number | null;
  /** Whether the best trial's parameters are used: they are better on that block, at an error rate of 5 %. */
  readonly adopted: boolean;
}

/** Models that a search learns at most: every trial on all blocks but the last, then the test of two ways on all. */
export function directionSearchFits(trials: number): number {
  return trials * (INNER.blocks - 1) + 2 * INNER.blocks;
}

export interface DirectionSearchRequest {
  readonly rows: InstrumentRows;
  readonly learning: LearningPlan;
  readonly walkForward: WalkForwardPlan;
  readonly search: DirectionSearch;
  readonly pool: FitPool;
  onTrial(done: number, total: number): void;
}

interface Trial {
  readonly learning: LearningPlan;
  /** The calibrating block, then the measured ones so far. */
  readonly scored: ScoredBlock[];
}

/**
 * Searches the figures of a network, or tree parameters and `class_weight_ratio`, by purged walk-forward on rows whose
 * labels were known before the first evaluated block. Trials are measured on the evaluation label.
 * @throws as `searchTraining` and the learner
 */
export async function searchDirection(
  request: DirectionSearchRequest,
): Promise<{ learning: LearningPlan; report: DirectionSearchReport }> {
  const { rows, learning, search, walkForward, pool, onTrial } = request;
  const splits = innerSplits(rows, walkForward);
  const first = INNER.calibrationBlocks;
  const result = await searchTraining<Trial>({
    space: searchSpace(learning, search.ranges),
    configured: paramsOf(learning),
    seed: `${learning.params.seed}/search`,
    direction: 'maximize',
    sampler: 'tpe',
    budget: { trials: search.trials, limitMs: null },
    folds: splits.length - first - 1,
    journal: null,
    async prepare(params) {
      const own = learningOf(params, learning);
      return { learning: own, scored: [await scoreBlock(rows, splits[0]!, own, pool)] };
    },
    async measureFold({ learning: own, scored }, fold) {
      scored.push(await scoreBlock(rows, splits[first + fold]!, own, pool));
      return gainOf(scored, request);
    },
    nowMs: () => 0,
    onProgress: ({ done, total }) => onTrial(done, total),
  });
  const { best, configured, gain, trials, complete, pruned, failed } = result;
  const found = learningOf(best.params, learning);
  const forward = gain.mean > 0 ? await forwardTest(splits, learning, found, request) : null;
  const adopted = forward !== null && forward.p < ADOPTION_ERROR_RATE;
  return {
    learning: adopted ? found : learning,
    report: {
      trials,
      complete,
      pruned,
      failed,
      adopted,
      balance_penalty: isPenalized(request) ? BALANCE_PENALTY : null,
      configured_gain: configured.value,
      best_gain: best.value,
      standard_error: gain.standardError,
      best_parameters: best.params,
      forward_gain: forward?.mean ?? null,
      forward_p_value: forward?.p ?? null,
    },
  };
}

/** By how much the found parameters are better than the configured ones on the last block, by days. */
async function forwardTest(
  splits: readonly Split[],
  configured: LearningPlan,
  found: LearningPlan,
  { rows, walkForward, pool }: DirectionSearchRequest,
): Promise<MeanTest | null> {
  const lossesOf = async (learning: LearningPlan): Promise<{ losses: number[]; test: Int32Array }> => {
    const scored = await Promise.all(splits.map((split) => scoreBlock(rows, split, learning, pool)));
    const [block] = calibrateBlocks(rows, scored, { ...walkForward, calibrationBlocks: splits.length - 1 });
    const { probabilities, labels, classes, rows: test } = answersOfBlocks(rows, [block!]);
    return {
      losses: Array.from(labels, (label, i) => -ln(Math.max(probabilities[i * classes + label]!, 1e-15))),
      test,
    };
  };
  const before = await lossesOf(configured);
  const after = await lossesOf(found);
  const gains = before.losses.map((loss, i) => loss - after.losses[i]!);
  return gainTest(
    gains,
    Array.from(before.test, (row) => rows.time[row]!),
  );
}

/** Test of a mean gain against 0, by UTC days. */
export function gainTest(gains: readonly number[], time: readonly number[]): MeanTest | null {
  const day = (i: number): number => Math.floor(time[i]! / SECONDS_PER_DAY);
  const days = [...new Set(time.map((_, i) => day(i)))].sort((a, b) => a - b);
  const at = new Map(days.map((own, i) => [own, i]));
  const sum = new Float64Array(days.length);
  const count = new Float64Array(days.length);
  gains.forEach((gain, i) => {
    sum[at.get(day(i))!]! += gain;
    count[at.get(day(i))!]!++;
  });
  return meanTest({ sum, count });
}

/** Whether the trials of a search are measured with the penalty. */
function isPenalized({ search, learning }: Pick<DirectionSearchRequest, 'search' | 'learning'>): boolean {
  return search.balancePenalty || searchedNetwork(learning) !== null;
}

/** Of the newest block. */
function gainOf(scored: readonly ScoredBlock[], request: DirectionSearchRequest): number {
  const { rows, walkForward } = request;
  const [block] = calibrateBlocks(rows, scored, { ...walkForward, calibrationBlocks: scored.length - 1 });
  const loss = (blocks: Parameters<typeof directionMetrics>[1]): number => directionMetrics(rows, blocks).log_loss;
  const gain = loss(priorBlocks(rows, [block!], false)) - loss([block!]);
  return isPenalized(request) ? gain - balancePenalty(upAgainstDown(answersOfBlocks(rows, [block!]))) : gain;
}

/** P(up) / (P(up) + P(down)) of each answer. @param probabilities [rows × classes] */
export function upAgainstDown({
  probabilities,
  classes,
}: Pick<EvaluatedAnswers, 'probabilities' | 'classes'>): Float64Array {
  return Float64Array.from({ length: probabilities.length / classes }, (_, i) => {
    const up = probabilities[i * classes + UP]!;
    const down = probabilities[i * classes + DOWN]!;
    return up + down === 0 ? 0.5 : up / (up + down);
  });
}

/** Splits of the rows whose labels were known before the first evaluated block. */
function innerSplits(
  rows: InstrumentRows,
  { blocks, firstShare, embargo, calibrationBlocks }: WalkForwardPlan,
): Split[] {
  const outer = walkForwardSplits(rows, { blocks, firstShare, embargo, window: null });
  const until = outer[calibrationBlocks]!.from - embargo;
  const known = positions(rows.time.length, (row) => rows.labelEnd[row]! < until);
  const spans = { time: pick(rows.time, known), labelEnd: pick(rows.labelEnd, known) };
  const inner = walkForwardSplits(spans, { ...INNER, embargo, window: null });
  const outside = (of: Int32Array): Int32Array => of.map((row) => known[row]!);
  return inner.map((split) => ({ ...split, train: outside(split.train), test: outside(split.test) }));
}

/** The figures that a search of a network changes; null: the learner is no network. */
function searchedNetwork({ learner: { engine, network } }: LearningPlan): NetworkParameters | null {
  if (!isNetwork(engine)) return null;
  const { lstm_units, ...own } = network;
  return engine === 'lstm' ? { ...own, lstm_units: lstm_units! } : own;
}

/**
 * Of a network its figures. Of trees their parameters; `class_weight_ratio` is searched where class weights act, the
 * other balances have none.
 */
export function searchSpace(learning: LearningPlan, ranges: DirectionRanges): Space {
  const network = searchedNetwork(learning);
  if (network !== null) return networkSpace(network);
  const { params, balance } = learning;
  /** The given ends in place of the delivered ones; a delivered end beyond a given one gives way. */
  const within = <P extends FloatParameter | IntegerParameter>(
    name: keyof DirectionRanges,
    value: number,
    delivered: P,
  ): P => {
    const given = ranges[name] ?? {};
    const low = given.low ?? Math.min(delivered.low, given.high ?? Infinity);
    const high = given.high ?? Math.max(delivered.high, low);
    const positive = (own: number): number => (name === 'l2' ? Math.max(own, MIN_L2) : own);
    return around(value, { ...delivered, low: positive(low), high: positive(high) });
  };
  return {
    learning_rate: within('learning_rate', params.learningRate, { kind: 'float', low: 0.01, high: 0.2, log: true }),
    leaves: within('leaves', params.leaves, { kind: 'integer', low: 4, high: 64, log: true }),
    min_data_in_leaf: within('min_data_in_leaf', params.minDataInLeaf, {
      kind: 'integer',
      low: 20,
      high: 2000,
      log: true,
    }),
    l2: within('l2', Math.max(params.l2, MIN_L2), { kind: 'float', low: 0.1, high: 100, log: true }),
    row_fraction: within('row_fraction', params.rowFraction, { kind: 'float', low: 0.3, high: 1 }),
    column_fraction: within('column_fraction', params.columnFraction, { kind: 'float', low: 0.2, high: 1 }),
    ...(hasClassWeights(balance.balance) && { class_weight_ratio: { kind: 'float', low: 0, high: 1 } }),
  };
}

function paramsOf(learning: LearningPlan): Params {
  const network = searchedNetwork(learning);
  if (network !== null) return networkParams(network);
  const { params, balance } = learning;
  return {
    learning_rate: params.learningRate,
    leaves: params.leaves,
    min_data_in_leaf: params.minDataInLeaf,
    l2: Math.max(params.l2, MIN_L2),
    row_fraction: params.rowFraction,
    column_fraction: params.columnFraction,
    ...(hasClassWeights(balance.balance) && { class_weight_ratio: balance.classWeightRatio }),
  };
}

function learningOf(params: Params, learning: LearningPlan): LearningPlan {
  const network = searchedNetwork(learning);
  if (network !== null) {
    const { learner } = learning;
    // The units of an lstm stay those of the plan, for peers.
    return { ...learning, learner: { ...learner, network: { ...learner.network, ...networkOf(params, network) } } };
  }
  const value = (name: string): number => Number(params[name]);
  const trees: LearnerParams = {
    ...learning.params,
    learningRate: value('learning_rate'),
    leaves: value('leaves'),
    minDataInLeaf: value('min_data_in_leaf'),
    l2: value('l2'),
    rowFraction: value('row_fraction'),
    columnFraction: value('column_fraction'),
  };
  const { balance } = learning;
  const classWeightRatio = Number(params['class_weight_ratio'] ?? balance.classWeightRatio);
  return { ...learning, params: trees, balance: { ...balance, classWeightRatio } };
}
