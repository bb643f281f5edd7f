import { MinutehandError } from '../../../../../shared/errors.ts';
import type { TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { allowedColumns } from '../gbdt_request.ts';
import type { LearnerParams } from '../learner.ts';
import type { Task } from '../../contract/task.ts';
import { boost } from './boost.ts';
import { answered, bindApi, type Handle, type Out } from './c_api.ts';
import { linkOf } from '../../contract/task.ts';
import { seedNumber, type EngineJob, type OnRound } from './engine_job.ts';
import type { OpenLibrary } from './engine_library.ts';
import { engineRows, type EngineRows } from './engine_rows.ts';
import { parseXgboost } from './xgboost_model.ts';

/** XGBoost's C API (include/xgboost/c_api.h, version 1.6 on), as far as it is used. */
export interface XgboostApi {
  readonly XGDMatrixCreateFromMat_omp: (
    values: Float32Array,
    rows: number,
    columns: number,
    missing: number,
    out: Out<Handle>,
    threads: number,
  ) => void;
  readonly XGDMatrixSetFloatInfo: (matrix: Handle, name: string, field: Float32Array, length: number) => void;
  readonly XGDMatrixFree: (matrix: Handle) => void;
  readonly XGBoosterCreate: (matrices: BigUint64Array, length: number, out: Out<Handle>) => void;
  readonly XGBoosterSetParam: (booster: Handle, name: string, value: string) => void;
  readonly XGBoosterUpdateOneIter: (booster: Handle, round: number, matrix: Handle) => void;
  readonly XGBoosterEvalOneIter: (
    booster: Handle,
    round: number,
    matrices: BigUint64Array,
    names: readonly string[],
    length: number,
    out: Out<string>,
  ) => void;
  readonly XGBoosterSaveModelToBuffer: (booster: Handle, format: string, length: Out<number>, out: Out<Handle>) => void;
  readonly XGBoosterSaveJsonConfig: (booster: Handle, length: Out<number>, out: Out<string>) => void;
  readonly XGBoosterFree: (booster: Handle) => void;
}

const DECLARATIONS: Readonly<Record<keyof XgboostApi, string>> = {
  XGDMatrixCreateFromMat_omp:
    'const void *data, uint64_t nrow, uint64_t ncol, float missing, _Out_ void **out, int nthread',
  XGDMatrixSetFloatInfo: 'void *handle, const char *field, const void *array, uint64_t len',
  XGDMatrixFree: 'void *handle',
  XGBoosterCreate: 'const void *dmats, uint64_t len, _Out_ void **out',
  XGBoosterSetParam: 'void *handle, const char *name, const char *value',
  XGBoosterUpdateOneIter: 'void *handle, int iter, void *dtrain',
  XGBoosterEvalOneIter:
    'void *handle, int iter, const void *dmats, const char **evnames, uint64_t len, _Out_ const char **out_result',
  XGBoosterSaveModelToBuffer: 'void *handle, const char *config, _Out_ uint64_t *out_len, _Out_ void **out_dptr',
  XGBoosterSaveJsonConfig: 'void *handle, _Out_ uint64_t *out_len, _Out_ const char **out_str',
  XGBoosterFree: 'void *handle',
};

const QUANTILE_SINCE = 2;
const DEVICE_SINCE = 2;

/**
 * The functions of an open library.
 * @throws MinutehandError LEARNER_MISSING when it is not XGBoost, or older than 1.6
 */
export function bindXgboost(open: OpenLibrary): XgboostApi {
  return bindApi(open, 'xgboost', DECLARATIONS, 'XGBGetLastError');
}

/** Major, minor and patch. @throws Error when the library is not XGBoost */
export function xgboostVersion({ library }: OpenLibrary): [number, number, number] {
  const parts: [Out<number>, Out<number>, Out<number>] = [[null], [null], [null]];
  library.func('void XGBoostVersion(_Out_ int *major, _Out_ int *minor, _Out_ int *patch)')(...parts);
  return [parts[0][0]!, parts[1][0]!, parts[2][0]!];
}

/** A model trained by XGBoost. @throws MinutehandError as `boostXgboost` */
export function learnWithXgboost(open: OpenLibrary, job: EngineJob, onRound: OnRound): TreeModel {
  const columns = job.table.x.columns;
  const { json, rounds } = boostXgboost(open, job, onRound);
  return parseXgboost(
    json,
    { columns, columnOf: allowedColumns(job.table.x, job.params), link: linkOf(job.task) },
    rounds,
  );
}

/**
 * Trains XGBoost's histogram trees, grown leaf by leaf. `minDataInLeaf` has no equivalent there: a leaf is only limited
 * by its sum of hessians. The JSON model has all rounds, of which the first `rounds` are kept. Targets and weights are
 * float32. Before version 2 XGBoost would start from 0.5 for any targets; here it starts from their mean, as version 2
 * does by default.
 * @throws MinutehandError LEARNER_TASK for quantiles with a version below 2
 */
export function boostXgboost(
  open: OpenLibrary,
  { task, table, params, stopping, threads }: EngineJob,
  onRound: OnRound,
): { readonly json: string; readonly rounds: number } {
  const api = bindXgboost(open);
  const version = xgboostVersion(open);
  if (task.kind === 'quantile' && version[0] < QUANTILE_SINCE) {
    throw new MinutehandError('LEARNER_TASK', {
      seen: `quantiles with xgboost ${version.join('.')}`,
      expected: `version ${QUANTILE_SINCE} or newer`,
      next: 'Use the engine gbdt or lightgbm, or a newer XGBoost (MINUTEHAND_XGBOOST_LIBRARY).',
    });
  }
  const columnOf = allowedColumns(table.x, params);
  const held: (() => void)[] = [];
  try {
    const matrix = ({ values, y, weights, rows, columns }: EngineRows): Handle => {
      const made = answered<Handle>((out) => api.XGDMatrixCreateFromMat_omp(values, rows, columns, NaN, out, threads));
      held.push(() => api.XGDMatrixFree(made));
      api.XGDMatrixSetFloatInfo(made, 'label', y, rows);
      if (weights !== null) api.XGDMatrixSetFloatInfo(made, 'weight', weights, rows);
      return made;
    };
    const rows = engineRows(table, columnOf);
    const train = matrix(rows);
    const evaluations = stopping === null ? [] : [matrix(engineRows(stopping.table, columnOf))];
    const known = BigUint64Array.from([train, ...evaluations]);
    const booster = answered<Handle>((out) => api.XGBoosterCreate(known, known.length, out));
    held.push(() => api.XGBoosterFree(booster));
    const facts = { threads, mean: weightedMean(rows), major: version[0] };
    for (const [name, value] of xgboostParameters(task, params, facts)) {
      api.XGBoosterSetParam(booster, name, value);
    }
    let round = 0;
    const kept = boost(
      {
        step() {
          api.XGBoosterUpdateOneIter(booster, round++, train);
          if (round === 1 && params.device === 'gpu')
            refuseProcessor(answered<string>((out) => api.XGBoosterSaveJsonConfig(booster, [null], out)));
          return true;
        },
        loss: () =>
          readLoss(
            answered<string>((out) =>
              api.XGBoosterEvalOneIter(booster, round - 1, known.subarray(1), ['stopping'], evaluations.length, out),
            ),
          ),
      },
      { rounds: params.rounds, patience: stopping?.patience ?? null, onRound },
    );
    return { json: modelText(open, api, booster), rounds: kept };
  } finally {
    // The booster points to its matrices.
    for (const release of held.reverse()) release();
  }
}

/** The model in XGBoost's JSON. */
function modelText({ koffi }: OpenLibrary, api: XgboostApi, booster: Handle): string {
  const length: Out<number> = [null];
  const address = answered<Handle>((out) => api.XGBoosterSaveModelToBuffer(booster, '{"format": "json"}', length, out));
  // The bytes belong to the library and are invalid after the next call.
  return new TextDecoder().decode(new Uint8Array(koffi.view(address, Number(length[0]))).slice());
}

/** Before version 2, XGBoost has a separate tree method for the GPU; from then on, a parameter for the device. */
function treeMethod({ device }: LearnerParams, major: number): Record<string, string> {
  if (device !== 'gpu') return { tree_method: 'hist' };
  return major < DEVICE_SINCE ? { tree_method: 'gpu_hist' } : { tree_method: 'hist', device: 'cuda' };
}

/**
 * XGBoost goes on silently on the processor where it finds no GPU.
 * @param config of a booster after a round, as JSON
 * @throws MinutehandError LEARNER_FAILED
 */
export function refuseProcessor(config: string): void {
  const { learner } = JSON.parse(config) as {
    readonly learner: { readonly generic_param: { readonly device?: string; readonly gpu_id?: string } };
  };
  const { device, gpu_id: gpu } = learner.generic_param;
  const onGpu = device === undefined ? gpu !== undefined && Number(gpu) >= 0 : device.startsWith('cuda');
  if (onGpu) return;
  throw new MinutehandError('LEARNER_FAILED', {
    seen: `train.device gpu, and XGBoost learns on ${device ?? 'the processor'}`,
    expected: 'a GPU that a build of XGBoost with CUDA can use',
    next: 'Set train.device to cpu, or MINUTEHAND_XGBOOST_LIBRARY to a library with CUDA.',
  });
}

/** The number in `[7]\tstopping-logloss:0.61`. */
function readLoss(line: string): number {
  return Number(line.slice(line.lastIndexOf(':') + 1));
}

function weightedMean({ y, weights }: EngineRows): number {
  let sum = 0;
  let weight = 0;
  for (let row = 0; row < y.length; row++) {
    const w = weights === null ? 1 : weights[row]!;
    sum += w * y[row]!;
    weight += w;
  }
  return sum / weight;
}

/** A starting probability of 0 or 1 has no logit. */
const MIN_PROBABILITY = 1e-6;

const OBJECTIVES: Readonly<Record<Task['kind'], { readonly objective: string; readonly metric: string }>> = {
  binary: { objective: 'binary:logistic', metric: 'logloss' },
  multiclass: { objective: 'multi:softprob', metric: 'mlogloss' },
  regression: { objective: 'reg:squarederror', metric: 'rmse' },
  quantile: { objective: 'reg:quantileerror', metric: 'quantile' },
};

/** Parameters in XGBoost's notation (doc/parameter.rst). Others keep their defaults. */
export function xgboostParameters(
  task: Task,
  params: LearnerParams,
  { threads, mean, major }: { readonly threads: number; readonly mean: number; readonly major: number },
): [name: string, value: string][] {
  const { objective, metric } = OBJECTIVES[task.kind];
  const parameters: Record<string, string | number> = {
    objective,
    eval_metric: metric,
    ...(task.kind === 'multiclass' && { num_class: task.classes }),
    ...(task.kind === 'quantile' && { quantile_alpha: task.quantile }),
    ...(task.kind === 'binary' && { base_score: Math.min(Math.max(mean, MIN_PROBABILITY), 1 - MIN_PROBABILITY) }),
    ...(task.kind === 'regression' && { base_score: mean }),
    ...treeMethod(params, major),
    grow_policy: 'lossguide',
    eta: params.learningRate,
    max_leaves: params.leaves,
    max_depth: params.maxDepth ?? 0,
    max_bin: params.maxBins,
    min_child_weight: params.minHessianInLeaf,
    alpha: params.l1,
    lambda: params.l2,
    gamma: params.minGain,
    subsample: params.rowFraction,
    colsample_bytree: params.columnFraction,
    seed: seedNumber(params.seed),
    nthread: threads,
    verbosity: 0,
  };
  return Object.entries(parameters).map(([name, value]) => [name, String(value)]);
}
