import { predictLogits, type TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { ln } from '../../../../../shared/elementary.ts';
import { createRng } from '../../../../../shared/rng.ts';
import { countRows, type LearnerParams, type TrainingTable } from '../learner.ts';
import * as at from './layout.ts';
import { layOut, wordsOf } from './memory.ts';
import type { Objective, Plan } from './plan.ts';
import { reserveMemory, type Reserve, type SharedMemory } from './webassembly.ts';

/** Rows that decide where a column is cut into bins: LightGBM's number. */
const SAMPLE_ROWS = 200_000;

/** A request to the kernel with every field checked. */
export interface FitRequest {
  readonly objective: Objective;
  readonly table: TrainingTable;
  readonly params: LearnerParams;
  readonly columns: readonly number[];
  readonly stopping: { readonly table: TrainingTable; readonly patience: number } | null;
  readonly threads: number;
  /** Whose scores boosting starts from; absent or null = from the best constants. */
  readonly base?: TreeModel | null;
}

/** Scores of a base, per class one behind the other. */
export interface StartScores {
  /** [classes][rows]. */
  readonly training: Float64Array;
  /** [classes][stopping rows]; empty without a stopping table. */
  readonly stopping: Float64Array;
}

/** A fit with allocated memory, ready to start. */
export interface PreparedFit {
  readonly memory: SharedMemory;
  readonly plan: Plan;
  /** null = every row starts from `plan.baseScores`. */
  readonly start: StartScores | null;
}

/**
 * Copies what is learned from into memory of its own; rows of weight 0 stay behind.
 * @throws MinutehandError LEARNER_MEMORY
 */
export function prepareFit(request: FitRequest, reserve: Reserve = reserveMemory): PreparedFit {
  const { objective, table, params, columns, stopping, threads } = request;
  const base = request.base ?? null;
  const kept = rowsWithWeight(table);
  const rows = kept?.length ?? countRows(table);
  const stoppingKept = stopping === null ? null : rowsWithWeight(stopping.table);
  // A tree of few rows cannot have all the leaves that it may.
  const leaves = Math.max(2, Math.min(params.leaves, Math.floor(rows / params.minDataInLeaf)));
  const plan: Plan = {
    objective,
    params: { ...params, leaves },
    classes: objective.kind === 'multiclass' ? objective.classes : 1,
    rows,
    width: table.x.columns,
    columns,
    hasWeights: weighs(table),
    sample: rows > SAMPLE_ROWS ? sampleOf(rows, params.seed) : null,
    stopping:
      stopping === null
        ? null
        : {
            rows: stoppingKept?.length ?? countRows(stopping.table),
            hasWeights: weighs(stopping.table),
            patience: stopping.patience,
          },
    baseScores: base === null ? baseScores(table, objective) : base.ensembles.map(({ baseScore }) => baseScore),
    threads,
  };
  const memory = layOut(plan, reserve);
  const words = wordsOf(memory);
  const put = (from: TrainingTable, rowsKept: Uint32Array | null, x: number, y: number, weights: number): void =>
    copyTable(memory, from, rowsKept, words.get(x), words.get(y), words.get(weights));
  put(table, kept, at.X, at.TARGETS, at.WEIGHTS);
  if (stopping !== null) {
    put(stopping.table, stoppingKept, at.STOPPING_X, at.STOPPING_TARGETS, at.STOPPING_WEIGHTS);
  }
  return { memory, plan, start: base === null ? null : startScores(base, memory, plan) };
}

/** Scores of the base for the rows in memory, before binning overwrites them. */
function startScores({ ensembles }: TreeModel, memory: SharedMemory, { rows, width, stopping }: Plan): StartScores {
  const words = wordsOf(memory);
  const scoresOf = (field: number, count: number): Float64Array => {
    const values = new Float32Array(memory.buffer, words.get(field), count * width);
    const scores = new Float64Array(ensembles.length * count);
    ensembles.forEach((ensemble, k) => {
      scores.set(predictLogits(ensemble, { rows: count, columns: width, values }), k * count);
    });
    return scores;
  };
  return {
    training: scoresOf(at.X, rows),
    stopping: stopping === null ? new Float64Array() : scoresOf(at.STOPPING_X, stopping.rows),
  };
}

/** null = all of them. */
function rowsWithWeight({ weights }: TrainingTable): Uint32Array | null {
  if (weights === null || !weights.includes(0)) return null;
  let count = 0;
  for (const weight of weights) if (weight > 0) count++;
  const kept = new Uint32Array(count);
  for (let row = 0, i = 0; row < weights.length; row++) if (weights[row]! > 0) kept[i++] = row;
  return kept;
}

/** Whether weights differ from 1 where they are not 0. */
function weighs({ weights }: TrainingTable): boolean {
  return weights !== null && weights.some((weight) => weight !== 0 && weight !== 1);
}

function copyTable(
  { buffer }: SharedMemory,
  table: TrainingTable,
  kept: Uint32Array | null,
  xAt: number,
  yAt: number,
  weightsAt: number,
): void {
  const { x, y, weights, rows: places } = table;
  const rows = kept?.length ?? countRows(table);
  const values = new Float32Array(buffer, xAt, rows * x.columns);
  const targets = new Float64Array(buffer, yAt, rows);
  if (kept === null && places === undefined) values.set(x.values);
  else {
    for (let i = 0; i < rows; i++) {
      const row = kept === null ? i : kept[i]!;
      const from = (places === undefined ? row : places[row]!) * x.columns;
      values.set(x.values.subarray(from, from + x.columns), i * x.columns);
    }
  }
  if (kept === null) targets.set(y);
  else for (let i = 0; i < rows; i++) targets[i] = y[kept[i]!]!;
  if (weightsAt === 0) return;
  const shares = new Float32Array(buffer, weightsAt, rows);
  for (let i = 0; i < rows; i++) shares[i] = weights![kept === null ? i : kept[i]!]!;
}

/**
 * One row of each of so many equal stretches, ascending: spread over the time of the table, in step with nothing that
 * repeats in it.
 */
function sampleOf(rows: number, seed: string): Uint32Array {
  const rng = createRng(`${seed}/edges`);
  return Uint32Array.from({ length: SAMPLE_ROWS }, (_, i) => Math.floor(((i + rng.uniform()) * rows) / SAMPLE_ROWS));
}

/** Float32 scores of all rows before the first tree, as LightGBM's boost_from_average: the best constants. */
function baseScores({ y, weights }: TrainingTable, objective: Objective): number[] {
  const weightOf = (row: number): number => (weights === null ? 1 : weights[row]!);
  let total = 0;
  for (let row = 0; row < y.length; row++) total += weightOf(row);
  const mean = (value: (row: number) => number): number => {
    let sum = 0;
    for (let row = 0; row < y.length; row++) sum += weightOf(row) * value(row);
    return sum / total;
  };
  switch (objective.kind) {
    case 'forest':
      // Values are trained as differences from their mean, since they may be far from 0; shares need no shift.
      return [objective.target === 'value' ? Math.fround(mean((row) => y[row]!)) : 0];
    case 'regression':
      return [Math.fround(mean((row) => y[row]!))];
    case 'binary': {
      const share = Math.min(
        Math.max(
          mean((row) => y[row]!),
          1e-15,
        ),
        1 - 1e-15,
      );
      return [Math.fround(ln(share / (1 - share)))];
    }
    case 'multiclass': {
      const totals = new Float64Array(objective.classes);
      for (let row = 0; row < y.length; row++) totals[y[row]!] = totals[y[row]!]! + weightOf(row);
      return Array.from(totals, (own) => Math.fround(ln(Math.max(own / total, 1e-15))));
    }
    case 'quantile':
      return [Math.fround(weightedQuantile(y, weights, objective.quantile * total)) + 0];
  }
}

/** The smallest value with at least the `wanted` weight at or below it. */
function weightedQuantile(values: Float64Array, weights: Float64Array | null, wanted: number): number {
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  let sum = 0;
  let last = 0;
  for (const row of order) {
    const weight = weights === null ? 1 : weights[row]!;
    if (weight === 0) continue;
    sum += weight;
    last = values[row]!;
    if (sum >= wanted) return last;
  }
  return last;
}
