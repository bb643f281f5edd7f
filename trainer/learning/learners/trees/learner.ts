import type { Engine } from '../../../../shared/policy/engines.ts';
import type { Matrix, TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Task } from '../contract/task.ts';

/** Rows to learn from or to be evaluated on. */
export interface TrainingTable {
  /** [rows, columns] float32, NaN = missing. */
  readonly x: Matrix;
  /**
   * Rows of `x` that make the table, in this order; absent: all. Only `learnHere` takes them: it copies rows into its
   * own memory once, so that a fit on part of a matrix needs no copy of that part.
   */
  readonly rows?: ArrayLike<number>;
  /** [rows]. */
  readonly y: Float64Array;
  /** [rows], ≥ 0; null = 1 each. Rows of weight 0 are ignored. */
  readonly weights: Float64Array | null;
}

/** Number of rows of a table. */
export function countRows({ x, rows }: TrainingTable): number {
  return rows === undefined ? x.rows : rows.length;
}

export interface LearnerParams {
  /** Maximum number of trees (per class for multiclass). */
  readonly rounds: number;
  readonly learningRate: number;
  /** Maximum leaves per tree. */
  readonly leaves: number;
  /** Maximum splits between root and leaf; null = no limit. */
  readonly maxDepth: number | null;
  readonly minDataInLeaf: number;
  /** Minimum sum of hessians in a leaf. */
  readonly minHessianInLeaf: number;
  /** Penalties on leaf values. */
  readonly l1: number;
  readonly l2: number;
  /** Minimum gain of a split (loss units, without the factor ½). */
  readonly minGain: number;
  /** Value bins per column, 2…255; missing values have one more. */
  readonly maxBins: number;
  /** Share of the rows sampled for each tree, (0, 1]. */
  readonly rowFraction: number;
  /** Share of the columns each tree may split on, (0, 1]; never less than one column. */
  readonly columnFraction: number;
  /** Trees without an improvement before boosting ends, where it stops early; absent: EARLY_STOPPING_ROUNDS. */
  readonly patience?: number;
  readonly seed: string;
  /** Columns allowed to split; null = all. */
  readonly columns: readonly number[] | null;
  /** Where LightGBM and XGBoost learn; absent: on the processor, as the other engines always do. */
  readonly device?: 'gpu';
}

/** LightGBM's own defaults, with 200 rounds. */
export const LEARNER_DEFAULTS: LearnerParams = {
  rounds: 200,
  learningRate: 0.1,
  leaves: 31,
  maxDepth: null,
  minDataInLeaf: 20,
  minHessianInLeaf: 1e-3,
  l1: 0,
  l2: 0,
  minGain: 0,
  maxBins: 255,
  rowFraction: 1,
  columnFraction: 1,
  seed: '0',
  columns: null,
};

/** Stops boosting when it no longer helps: the trees after the best round on `table` are dropped. */
export interface EarlyStopping {
  readonly table: TrainingTable;
  /** Rounds without an improvement before it ends. */
  readonly patience: number;
}

export interface LearnRequest {
  readonly task: Task;
  readonly table: TrainingTable;
  readonly params: LearnerParams;
  readonly stopping: EarlyStopping | null;
  /** Number of threads; affects speed only, not results. */
  readonly threads: number;
  /**
   * A model of the same task and columns to add trees to; absent or null: trained from scratch. Supported only by
   * `gbdt`. The result is one model: the base's trees, then at most `rounds` new ones.
   */
  readonly base?: TreeModel | null;
  onRound(round: number, rounds: number): void;
}

/** A tree learner. All return the same kind of model, which `shared/bundle/onnx` exports. */
export interface TreeLearner {
  readonly engine: Engine;
  /**
   * @throws MinutehandError DATA_TOO_SHORT when no row has weight; LEARNER_TASK when there is a base and the engine
   * cannot add to one; RangeError when shapes, targets, weights, parameters or the base are not as stated
   */
  learn(request: LearnRequest): Promise<TreeModel>;
  /** The same model on the calling thread, if that is faster than starting threads; otherwise null. */
  learnQuickly?(request: LearnRequest): TreeModel | null;
}
