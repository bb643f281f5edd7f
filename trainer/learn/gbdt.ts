import type { Matrix, TreeEnsemble, TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { allowedColumns, checkRequest } from './gbdt_request.ts';
import { learn } from './kernel/boost.ts';
import { prepareFit, type PreparedFit } from './kernel/fit.ts';
import { learnOnThreads } from './kernel/threads.ts';
import { kernelModule } from './kernel/webassembly.ts';
import { LEARNER_DEFAULTS, type LearnRequest, type Learner, type LearnerParams } from './learner.ts';

export type { Matrix, TreeEnsemble } from '../../shared/bundle/onnx/tree_ensemble.ts';
export { predict } from '../../shared/bundle/onnx/tree_ensemble.ts';

/**
 * Our own leaf-wise gradient boosting on histograms, second order (Friedman 2001; Chen & Guestrin 2016; Ke et al. 2017), with LightGBM's
 * defaults and meanings. The same table, parameters and seed give the same bytes on any machine with any number of threads: splits are chosen on
 * exact integer sums, leaf values are float64 sums in the order of rows, exp and ln are our own.
 *
 * Further codes: LEARNER_MEMORY beyond 4 GB (see kernel/memory.ts for bytes per row), KERNEL_MISSING, LEARNER_THREAD.
 */
export const gbdt: Learner = {
  engine: 'gbdt',
  async learn(request) {
    return learnOnThreads(prepare(request), request.onRound);
  },
};

/** `gbdt` on the calling thread, which waits for it. */
export function learnHere(request: LearnRequest): TreeModel {
  return learn(kernelModule(), prepare({ ...request, threads: 1 }), request.onRound);
}

function prepare(request: LearnRequest): PreparedFit {
  checkRequest(request);
  const { task, table, params, stopping, threads } = request;
  return prepareFit({
    objective: task,
    table,
    params,
    columns: allowedColumns(table.x, params),
    stopping,
    threads,
  });
}

/** Parameters of `trainGbdt`; the others are LearnerParams' defaults. */
export type GbdtParams = Pick<
  LearnerParams,
  | 'rounds'
  | 'learningRate'
  | 'leaves'
  | 'minDataInLeaf'
  | 'l2'
  | 'minGain'
  | 'maxBins'
  | 'rowFraction'
  | 'columnFraction'
> & {
  readonly seed: string | number;
  /** Columns allowed to split; all when absent. */
  readonly columns?: readonly number[];
};

export const GBDT_DEFAULTS: GbdtParams = {
  rounds: 200,
  learningRate: 0.05,
  leaves: 31,
  minDataInLeaf: 100,
  l2: 1,
  minGain: 0,
  maxBins: 255,
  rowFraction: 1,
  columnFraction: 1,
  seed: 0,
};

export interface LabelledMatrix {
  readonly x: Matrix;
  /** Targets in [0, 1], [rows]. */
  readonly y: Float64Array;
  /** Row weights ≥ 0, [rows]; 1 each when absent. */
  readonly weights?: Float64Array | null;
}

export interface GbdtOptions {
  /** Rows that measure the log loss after each round; the trees after the best round are dropped. */
  readonly validation?: LabelledMatrix;
  /** Stop when the validation loss has not improved for so many rounds. */
  readonly earlyStoppingRounds?: number;
  readonly onRound?: (round: number, rounds: number) => void;
}

/**
 * The binary task on the calling thread.
 * @throws as Learner.learn
 */
export function trainGbdt(
  x: Matrix,
  y: Float64Array,
  weights: Float64Array | null,
  params: GbdtParams,
  options: GbdtOptions = {},
): TreeEnsemble {
  const { validation, earlyStoppingRounds, onRound } = options;
  const model = learnHere({
    task: { kind: 'binary' },
    table: { x, y, weights },
    params: { ...LEARNER_DEFAULTS, ...params, seed: String(params.seed), columns: params.columns ?? null },
    stopping: validation
      ? {
          table: { x: validation.x, y: validation.y, weights: validation.weights ?? null },
          patience: earlyStoppingRounds ?? Math.max(1, params.rounds),
        }
      : null,
    threads: 1,
    onRound: onRound ?? (() => undefined),
  });
  return model.ensembles[0]!;
}
