import { isoMinute } from '../../../../shared/bar.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { fitVectorScaling, scaledProbabilities, type VectorScaling } from '../../calibrate/vector_scaling.ts';
import { DIRECTIONS } from './label/direction.ts';
import type { Fitted } from '../../learners/contract/fitted.ts';
import type { Budget, Learner } from '../../learners/contract/learner.ts';
import { isTreeEngine } from '../../learners/registry.ts';
import { splitOffTheEnd } from '../../learners/contract/stopping_rows.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import type { FitPool } from '../../learners/trees/fit_pool.ts';
import type { LearnerParams } from '../../learners/trees/learner.ts';
import { walkForwardSplits, type Split } from '../../splits/splits.ts';
import { openDirectionLearner, type DirectionLearner } from './direction_learner.ts';
import type { InstrumentRows } from './instrument_rows.ts';
import { learnedRows, mirroredLabel, mirroredOf, type DirectionBalancePlan } from './learned_rows.ts';

export const CLASSES = DIRECTIONS.length;
/** Up and down have one calibration where the market and its mirror image are calibrated together. */
const ONE_SIDE: readonly number[] = DIRECTIONS.map((name) => (name === 'range' ? 1 : 0));

export interface LearningPlan {
  readonly learner: DirectionLearner;
  /** Of the trees among its learners; the seed is that of all of them. */
  readonly params: LearnerParams;
  readonly balance: DirectionBalancePlan;
  /** Train on every `stride`-th bar of an instrument; evaluate on all. */
  readonly stride: number;
  /** A model that was learned elsewhere, before all blocks: it is the same in each. Absent: one is learned for each. */
  readonly fixed?: Fitted | undefined;
}

export interface WalkForwardPlan {
  readonly blocks: number;
  readonly firstShare: number;
  /** Seconds. */
  readonly embargo: number;
  /** Number of initial blocks used only for calibration. */
  readonly calibrationBlocks: number;
}

/** A block of time, scored by a model of earlier data. */
export interface ScoredBlock {
  readonly split: Split;
  readonly model: Fitted;
  /** Raw scores of the test rows, one array per class. */
  readonly logits: readonly Float32Array[];
  /** Of the same bars in the mirrored market; absent where the model has not learned from it. */
  readonly mirrored?: readonly Float32Array[];
}

/** A block with probabilities calibrated on earlier blocks. */
export interface CalibratedBlock extends ScoredBlock {
  readonly scaling: VectorScaling;
  /** [test rows × classes]. */
  readonly probabilities: Float64Array;
}

/** Trains one model per block on the rows known before it, with balancing inside the training rows. */
export async function scoreBlocks(
  rows: InstrumentRows,
  plan: LearningPlan,
  { blocks, firstShare, embargo }: WalkForwardPlan,
  pool: FitPool,
  onBlock: (done: number, total: number) => void,
): Promise<ScoredBlock[]> {
  const splits = walkForwardSplits(rows, { blocks, firstShare, embargo, window: null });
  let done = 0;
  return Promise.all(
    splits.map(async (split) => {
      const block = await scoreBlock(rows, split, plan, pool);
      onBlock(++done, blocks);
      return block;
    }),
  );
}

export async function scoreBlock(
  rows: InstrumentRows,
  split: Split,
  plan: LearningPlan,
  pool: FitPool,
): Promise<ScoredBlock> {
  const model = await learn(rows, split.train, plan, pool);
  const score = model.openMargins();
  return {
    split,
    model,
    logits: score(takeRows(rows.x, split.test)),
    ...(plan.balance.balance === 'mirror' && { mirrored: score(takeRows(mirroredOf(rows), split.test)) }),
  };
}

/** The answers of the same models, calibrated alike, to other features of the same rows. */
export function rescoreBlocks(blocks: readonly CalibratedBlock[], x: InstrumentRows['x']): CalibratedBlock[] {
  return blocks.map((block) => {
    const logits = block.model.openMargins()(takeRows(x, block.split.test));
    return { ...block, logits, probabilities: scaledProbabilities(logits, block.scaling) };
  });
}

/** Every `stride`-th bar of each instrument, of these rows. */
export function stridedRows({ bar }: InstrumentRows, rows: Int32Array, stride: number): Int32Array {
  return rows.filter((row) => bar[row]! % stride === 0);
}

/** Trains a model on every `stride`-th row of `train`. */
export async function learn(
  rows: InstrumentRows,
  train: Int32Array,
  { learner: chosen, params, balance, stride, fixed }: LearningPlan,
  pool: FitPool,
): Promise<Fitted> {
  if (fixed !== undefined) return fixed;
  const learner = openDirectionLearner(chosen, { params, columnNames: rows.columns, pool });
  const parts = stoppingParts(rows, stridedRows(rows, train, stride), learner);
  const balanced = learnedRows(rows, parts.train, parts.stopping, balance);
  return await learner.fit({
    task: balanced.task,
    rows: balanced.rows,
    subset: balanced.train,
    columns: null,
    budget: budgetOf(learner, balanced.stopping, params.rounds),
    seed: params.seed,
    continueFrom: null,
  });
}

/** Rows to learn from, and rows that tell how many steps help; none of these for a learner that does not ask. */
function stoppingParts(
  rows: InstrumentRows,
  all: Int32Array,
  { supports }: Learner,
): { readonly train: Int32Array; readonly stopping: Int32Array } {
  const split = supports.stopping ? splitOffTheEnd(rows, all) : null;
  return split ?? { train: all, stopping: new Int32Array() };
}

/** With too few rows to set some aside, trees are as many as are asked for. */
function budgetOf({ name }: Learner, stopping: Int32Array, rounds: number): Budget {
  if (stopping.length > 0) return { kind: 'early_stopping', stopping };
  return isTreeEngine(name) ? { kind: 'fixed', iterations: rounds } : { kind: 'early_stopping', stopping: null };
}

/**
 * Calibrates each block after the first ones on the scores of all earlier blocks whose labels were known by then, to
 * the base rates of those rows, which are not balanced.
 */
export function calibrateBlocks(
  rows: InstrumentRows,
  blocks: readonly ScoredBlock[],
  { calibrationBlocks, embargo }: WalkForwardPlan,
): CalibratedBlock[] {
  return blocks.slice(calibrationBlocks).map((block, i) => {
    const scaling = fitOnBlocks(rows, blocks.slice(0, calibrationBlocks + i), block.split.from - embargo);
    return { ...block, scaling, probabilities: scaledProbabilities(block.logits, scaling) };
  });
}

/**
 * Scaling fitted on those rows of the blocks whose labels were known before `until`.
 * @throws MinutehandError DATA_TOO_SHORT if a class is missing
 */
export function fitOnBlocks(rows: InstrumentRows, blocks: readonly ScoredBlock[], until: number): VectorScaling {
  const logits = Array.from({ length: CLASSES }, (): number[] => []);
  const labels: number[] = [];
  const take = (scores: readonly Float32Array[], i: number, label: number): void => {
    labels.push(label);
    for (let k = 0; k < CLASSES; k++) logits[k]!.push(scores[k]![i]!);
  };
  for (const { split, logits: own, mirrored } of blocks)
    split.test.forEach((row, i) => {
      if (rows.labelEnd[row]! >= until) return;
      const label = rows.evaluation[row]!;
      take(own, i, label);
      if (mirrored !== undefined) take(mirrored, i, mirroredLabel(label));
    });
  checkClasses(labels, blocks);
  const isMirrored = blocks.some(({ mirrored }) => mirrored !== undefined);
  return fitVectorScaling({ classes: CLASSES, logits, labels, ...(isMirrored && { groups: ONE_SIDE }) });
}

function checkClasses(labels: readonly number[], blocks: readonly ScoredBlock[]): void {
  const absent = DIRECTIONS.filter((_, k) => !labels.includes(k));
  if (absent.length === 0) return;
  const [from, until] = [blocks[0]!.split.from, blocks.at(-1)!.split.until].map((time) =>
    time === Infinity ? 'the end' : isoMinute(time),
  );
  throw new MinutehandError('DATA_TOO_SHORT', {
    seen: `no label ${absent.join(', ')} among ${labels.length} evaluated bars from ${from} to ${until}`,
    expected: 'at least one of up, down and range, on which calibration is fitted',
    next: 'Give a longer period, or more symbols with `--symbols`.',
  });
}
