import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
import { parseLightgbm } from './lightgbm_model.ts';

const FLOAT32 = 0;
const ROW_MAJOR = 1;

/** LightGBM's C API (include/LightGBM/c_api.h, versions 3 and 4), as far as it is used. */
export interface LightgbmApi {
  readonly LGBM_DatasetCreateFromMat: (
    values: Float32Array,
    type: number,
    rows: number,
    columns: number,
    isRowMajor: number,
    parameters: string,
    reference: Handle | null,
    out: Out<Handle>,
  ) => void;
  readonly LGBM_DatasetSetField: (
    data: Handle,
    name: string,
    field: Float32Array,
    length: number,
    type: number,
  ) => void;
  readonly LGBM_DatasetFree: (data: Handle) => void;
  readonly LGBM_BoosterCreate: (data: Handle, parameters: string, out: Out<Handle>) => void;
  readonly LGBM_BoosterAddValidData: (booster: Handle, data: Handle) => void;
  readonly LGBM_BoosterUpdateOneIter: (booster: Handle, isFinished: Out<number>) => void;
  readonly LGBM_BoosterGetEval: (booster: Handle, data: number, length: Out<number>, results: Float64Array) => void;
  readonly LGBM_BoosterSaveModelToString: (
    booster: Handle,
    from: number,
    rounds: number,
    importance: number,
    capacity: number,
    length: Out<number>,
    text: Uint8Array,
  ) => void;
  readonly LGBM_BoosterFree: (booster: Handle) => void;
}

const DECLARATIONS: Readonly<Record<keyof LightgbmApi, string>> = {
  LGBM_DatasetCreateFromMat:
    'const void *data, int data_type, int32_t nrow, int32_t ncol, int is_row_major, const char *parameters, const void *reference, _Out_ void **out',
  LGBM_DatasetSetField: 'void *handle, const char *field_name, const void *field_data, int num_element, int type',
  LGBM_DatasetFree: 'void *handle',
  LGBM_BoosterCreate: 'void *train_data, const char *parameters, _Out_ void **out',
  LGBM_BoosterAddValidData: 'void *handle, void *valid_data',
  LGBM_BoosterUpdateOneIter: 'void *handle, _Out_ int *is_finished',
  LGBM_BoosterGetEval: 'void *handle, int data_idx, _Out_ int *out_len, _Out_ double *out_results',
  LGBM_BoosterSaveModelToString:
    'void *handle, int start_iteration, int num_iteration, int feature_importance_type, int64_t buffer_len, _Out_ int64_t *out_len, _Out_ void *out_str',
  LGBM_BoosterFree: 'void *handle',
};

/**
 * The functions of an open library.
 * @throws MinutehandError LEARNER_MISSING when it is not LightGBM, or too old a one
 */
export function bindLightgbm(open: OpenLibrary): LightgbmApi {
  return bindApi(open, 'lightgbm', DECLARATIONS, 'LGBM_GetLastError');
}

/**
 * Version stored beside the library by LightGBM's Python package; null without one, because the library does not report
 * it.
 */
export function lightgbmVersion(path: string): string | null {
  const file = [join(dirname(path), '../VERSION.txt'), join(dirname(path), 'VERSION.txt')].find((name) =>
    existsSync(name),
  );
  return file === undefined ? null : readFileSync(file, 'utf8').trim();
}

/** A model trained by LightGBM. */
export function learnWithLightgbm(open: OpenLibrary, job: EngineJob, onRound: OnRound): TreeModel {
  const columns = job.table.x.columns;
  const columnOf = allowedColumns(job.table.x, job.params);
  return parseLightgbm(boostLightgbm(open, job, onRound), { columns, columnOf, link: linkOf(job.task) });
}

/**
 * Trains with LightGBM and returns its model text. Every parameter has an equivalent there. Rows and columns are drawn
 * and values binned by LightGBM's rules; targets and weights are float32.
 */
export function boostLightgbm(
  open: OpenLibrary,
  { task, table, params, stopping, threads }: EngineJob,
  onRound: OnRound,
): string {
  const api = bindLightgbm(open);
  const columnOf = allowedColumns(table.x, params);
  const rows = engineRows(table, columnOf);
  const parameters = lightgbmParameters(task, params, {
    threads,
    hasStopping: stopping !== null,
    isSoft: isSoft(task, rows),
  });
  const held: (() => void)[] = [];
  try {
    const dataset = (of: EngineRows, reference: Handle | null): Handle => {
      const { values, y, weights, rows: height, columns } = of;
      const data = answered<Handle>((out) =>
        api.LGBM_DatasetCreateFromMat(values, FLOAT32, height, columns, ROW_MAJOR, parameters, reference, out),
      );
      held.push(() => api.LGBM_DatasetFree(data));
      api.LGBM_DatasetSetField(data, 'label', y, height, FLOAT32);
      if (weights !== null) api.LGBM_DatasetSetField(data, 'weight', weights, height, FLOAT32);
      return data;
    };
    const train = dataset(rows, null);
    const booster = answered<Handle>((out) => api.LGBM_BoosterCreate(train, parameters, out));
    held.push(() => api.LGBM_BoosterFree(booster));
    if (stopping !== null) api.LGBM_BoosterAddValidData(booster, dataset(engineRows(stopping.table, columnOf), train));
    const results = new Float64Array(1);
    const kept = boost(
      {
        step: () => answered<number>((out) => api.LGBM_BoosterUpdateOneIter(booster, out)) === 0,
        loss: () => {
          api.LGBM_BoosterGetEval(booster, 1, [null], results);
          return results[0]!;
        },
      },
      { rounds: params.rounds, patience: stopping?.patience ?? null, onRound },
    );
    return modelText(api, booster, kept);
  } finally {
    // The booster points to its data sets.
    for (const release of held.reverse()) release();
  }
}

/** The first `rounds` rounds as LightGBM writes them. */
function modelText(api: LightgbmApi, booster: Handle, rounds: number): string {
  const write = (text: Uint8Array): number =>
    Number(answered<number>((out) => api.LGBM_BoosterSaveModelToString(booster, 0, rounds, 0, text.length, out, text)));
  const text = new Uint8Array(write(new Uint8Array(1)));
  write(text);
  return new TextDecoder().decode(text);
}

function isSoft(task: Task, { y }: EngineRows): boolean {
  return task.kind === 'binary' && y.some((target) => target !== 0 && target !== 1);
}

interface RunFacts {
  readonly threads: number;
  readonly hasStopping: boolean;
  readonly isSoft: boolean;
}

const OBJECTIVES: Readonly<Record<Task['kind'], { readonly objective: string; readonly metric: string }>> = {
  binary: { objective: 'binary', metric: 'binary_logloss' },
  multiclass: { objective: 'multiclass', metric: 'multi_logloss' },
  regression: { objective: 'regression', metric: 'l2' },
  quantile: { objective: 'quantile', metric: 'quantile' },
};

/** Parameters in LightGBM's notation (docs/Parameters.rst). Others keep their defaults. */
export function lightgbmParameters(
  task: Task,
  params: LearnerParams,
  { threads, hasStopping, isSoft }: RunFacts,
): string {
  // `binary` takes targets of 0 and 1 only; the loss of both is the cross-entropy.
  const { objective, metric } = isSoft
    ? { objective: 'cross_entropy', metric: 'cross_entropy' }
    : OBJECTIVES[task.kind];
  const parameters: Record<string, string | number | boolean> = {
    objective,
    metric: hasStopping ? metric : 'None',
    ...(task.kind === 'multiclass' && { num_class: task.classes }),
    ...(task.kind === 'quantile' && { alpha: task.quantile }),
    learning_rate: params.learningRate,
    num_leaves: params.leaves,
    max_depth: params.maxDepth ?? -1,
    min_data_in_leaf: params.minDataInLeaf,
    min_sum_hessian_in_leaf: params.minHessianInLeaf,
    lambda_l1: params.l1,
    lambda_l2: params.l2,
    min_gain_to_split: params.minGain,
    max_bin: params.maxBins,
    bagging_fraction: params.rowFraction,
    bagging_freq: params.rowFraction < 1 ? 1 : 0,
    feature_fraction: params.columnFraction,
    seed: seedNumber(params.seed),
    num_threads: threads,
    ...(params.device === 'gpu' && { device_type: 'gpu' }),
    // Without these two, sums depend on thread order, and the choice between row- and column-wise on timing.
    deterministic: true,
    force_col_wise: true,
    verbosity: -1,
  };
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
