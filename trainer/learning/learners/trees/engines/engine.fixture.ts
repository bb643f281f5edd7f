import type { Matrix, TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { nextAbove, nextBelow } from '../../../../../shared/bundle/onnx/float32.ts';
import { describeError } from '../../../../../shared/errors.ts';
import { createRng } from '../../../../../shared/rng.ts';
import { LEARNER_DEFAULTS, type LearnRequest, type TrainingTable } from '../learner.ts';
import type { Task } from '../../contract/task.ts';
import { answered, bindApi, type Handle, type Out } from './c_api.ts';
import type { NativeEngine } from '../../../../../shared/policy/engines.ts';
import { librariesFrom, openLibrary, type OpenLibrary } from './engine_library.ts';
import { bindXgboost } from './xgboost.ts';
import { FAR } from './split_node.ts';

/** The engine's library of this machine, or null and why. */
export function libraryHere(engine: NativeEngine): { open: OpenLibrary | null; note: string } {
  try {
    return { open: openLibrary(engine, librariesFrom()), note: '' };
  } catch (error) {
    return { open: null, note: ` (skipped: no ${engine} here: ${describeError(error).next})` };
  }
}

export const TASKS: readonly { readonly name: string; readonly task: Task; readonly isSoft?: boolean }[] = [
  { name: 'binary', task: { kind: 'binary' } },
  { name: 'binary with soft targets', task: { kind: 'binary' }, isSoft: true },
  { name: 'multiclass', task: { kind: 'multiclass', classes: 4 } },
  { name: 'regression', task: { kind: 'regression' } },
  { name: 'quantile', task: { kind: 'quantile', quantile: 0.8 } },
];

/**
 * What the columns hold, in turn: normal, rounded (ties), counts from 0, few values, with infinities, constant, mostly
 * missing, tiny, huge.
 */
const KINDS = 9;

export function randomMatrix(seed: string, rows: number, columns: number, missing = 0.1): Matrix {
  const rng = createRng(seed);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const z = rng.normal();
      const u = rng.uniform();
      const kind = column % KINDS;
      let value = z;
      if (kind === 1) value = Math.round(z * 4) / 4;
      else if (kind === 2) value = Math.max(0, Math.round(z * 3));
      else if (kind === 3) value = z > 0 ? 1 : -1;
      else if (kind === 4) value = u < 0.05 ? Infinity : u < 0.1 ? -Infinity : z;
      else if (kind === 5) value = 7;
      else if (kind === 6) value = u < 0.8 ? NaN : z;
      else if (kind === 7) value = z * 1e-36;
      else if (kind === 8) value = z * 1e37;
      values[row * columns + column] = rng.uniform() < (kind === 0 ? 0 : missing) ? NaN : value;
    }
  }
  return { rows, columns, values };
}

/** A table whose target depends on most columns and on what is missing. */
export function randomTable(
  seed: string,
  rows: number,
  columns: number,
  { task, isSoft = false, isWeighted = false }: { task: Task; isSoft?: boolean; isWeighted?: boolean },
): TrainingTable {
  const x = randomMatrix(`${seed}/x`, rows, columns);
  const rng = createRng(`${seed}/y`);
  const scale = (column: number): number => [1, 1, 0.5, 1, 0.5, 0, 1, 1e36, 1e-37][column % KINDS]!;
  const y = Float64Array.from({ length: rows }, (_, row) => {
    let score = 0.5 * rng.normal();
    for (let column = 0; column < columns; column++) {
      const value = x.values[row * columns + column]! * scale(column);
      const bounded = value !== value ? 0.7 : Math.max(-3, Math.min(3, value));
      score += (column % 2 === 0 ? bounded : Math.abs(bounded)) * (1 / (1 + (column % 5)));
    }
    if (task.kind === 'multiclass') return Math.max(0, Math.min(task.classes - 1, Math.floor(score / 1.5)));
    // Small enough that the last bit of a float32 sum, which is what XGBoost answers with, is below 1e-7.
    if (task.kind !== 'binary') return score / 10;
    return isSoft ? Math.max(0, Math.min(1, 0.3 + score / 6)) : score > 1 ? 1 : 0;
  });
  const weights = isWeighted ? Float64Array.from({ length: rows }, () => [0, 0.5, 1, 3][rng.integer(4)]!) : null;
  return { x, y, weights };
}

export function request(task: Task, table: TrainingTable, more: Partial<LearnRequest> = {}): LearnRequest {
  return { task, table, params: LEARNER_DEFAULTS, stopping: null, threads: 1, onRound: () => undefined, ...more };
}

/** `x` with many cells set to thresholds of the model, their neighbors and other delicate values. */
export function withDelicateValues(x: Matrix, { ensembles }: TreeModel, seed: string): Matrix {
  const rng = createRng(seed);
  const values = x.values.slice();
  const splits = ensembles.flatMap(({ trees }) =>
    trees.flatMap((tree) =>
      [...tree.feature.keys()]
        .filter((node) => tree.feature[node]! >= 0)
        .map((node) => ({ column: tree.feature[node]!, threshold: tree.threshold[node]! })),
    ),
  );
  const others = [NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 1e-35, -1e-35, 3.4028234e38, -3.4028234e38];
  for (let row = 0; row < x.rows; row++) {
    for (let times = 0; times < 4; times++) {
      const { column, threshold } = splits[rng.integer(splits.length)]!;
      const near = [threshold, nextAbove(threshold), nextBelow(threshold), others[rng.integer(others.length)]!];
      values[row * x.columns + column] = near[rng.integer(near.length)]!;
    }
  }
  return { ...x, values };
}

/** As the engines are given values: infinities as ±FAR. */
export function withinFar(x: Matrix): Matrix {
  return { ...x, values: x.values.map((value) => (value > FAR ? FAR : value < -FAR ? -FAR : value)) };
}

interface LightgbmScoring {
  readonly LGBM_BoosterLoadModelFromString: (text: string, rounds: Out<number>, out: Out<Handle>) => void;
  readonly LGBM_BoosterPredictForMat: (
    booster: Handle,
    values: Float32Array,
    type: number,
    rows: number,
    columns: number,
    isRowMajor: number,
    kind: number,
    from: number,
    count: number,
    parameters: string,
    length: Out<number>,
    answers: Float64Array,
  ) => void;
  readonly LGBM_BoosterFree: (booster: Handle) => void;
}

/** LightGBM's own answers, [rows × answers]. */
export function scoreWithLightgbm(open: OpenLibrary, text: string, x: Matrix, answers: number): Float64Array {
  const api = bindApi<LightgbmScoring>(
    open,
    'lightgbm',
    {
      LGBM_BoosterLoadModelFromString: 'const char *model_str, _Out_ int *out_num_iterations, _Out_ void **out',
      LGBM_BoosterPredictForMat:
        'void *handle, const void *data, int data_type, int32_t nrow, int32_t ncol, int is_row_major, int predict_type, int start_iteration, int num_iteration, const char *parameter, _Out_ int64_t *out_len, _Out_ double *out_result',
      LGBM_BoosterFree: 'void *handle',
    },
    'LGBM_GetLastError',
  );
  const booster = answered<Handle>((out) => api.LGBM_BoosterLoadModelFromString(text, [null], out));
  const scores = new Float64Array(x.rows * answers);
  api.LGBM_BoosterPredictForMat(
    booster,
    x.values,
    0,
    x.rows,
    x.columns,
    1,
    0,
    0,
    -1,
    'num_threads=1 verbosity=-1',
    [null],
    scores,
  );
  api.LGBM_BoosterFree(booster);
  return scores;
}

interface XgboostScoring {
  readonly XGBoosterLoadModelFromBuffer: (booster: Handle, bytes: Uint8Array, length: number) => void;
  readonly XGBoosterPredictFromDMatrix: (
    booster: Handle,
    matrix: Handle,
    config: string,
    shape: Out<Handle>,
    dimensions: Out<number>,
    out: Out<Handle>,
  ) => void;
}

/** XGBoost's own answers by its first `rounds` rounds, [rows × answers]. */
export function scoreWithXgboost(
  open: OpenLibrary,
  json: string,
  rounds: number,
  x: Matrix,
  answers: number,
): Float64Array {
  const api = bindXgboost(open);
  const scoring = bindApi<XgboostScoring>(
    open,
    'xgboost',
    {
      XGBoosterLoadModelFromBuffer: 'void *handle, const void *buf, uint64_t len',
      XGBoosterPredictFromDMatrix:
        'void *handle, void *dmat, const char *config, _Out_ void **out_shape, _Out_ uint64_t *out_dim, _Out_ void **out_result',
    },
    'XGBGetLastError',
  );
  const matrix = answered<Handle>((out) => api.XGDMatrixCreateFromMat_omp(x.values, x.rows, x.columns, NaN, out, 1));
  const booster = answered<Handle>((out) => api.XGBoosterCreate(BigUint64Array.of(), 0, out));
  api.XGBoosterSetParam(booster, 'nthread', '1');
  const bytes = new TextEncoder().encode(json);
  scoring.XGBoosterLoadModelFromBuffer(booster, bytes, bytes.length);
  const config = { type: 0, training: false, iteration_begin: 0, iteration_end: rounds, strict_shape: false };
  const address = answered<Handle>((out) =>
    scoring.XGBoosterPredictFromDMatrix(booster, matrix, JSON.stringify(config), [null], [null], out),
  );
  const scores = Float64Array.from(new Float32Array(open.koffi.view(address, 4 * x.rows * answers)));
  api.XGBoosterFree(booster);
  api.XGDMatrixFree(matrix);
  return scores;
}
