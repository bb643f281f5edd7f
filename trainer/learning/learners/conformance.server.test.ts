import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { onnxAnswers } from '../../../shared/bundle/onnx/answers.ts';
import { createRng } from '../../../shared/rng.ts';
import { LEARNER_PROGRAM, NETWORKS_PYTHON } from '../../../shared/policy/environment.ts';
import { describeError } from '../../../shared/errors.ts';
import { networksNote } from '../../../test/networks_python.ts';
import { TEST_PYTHON } from '../../../test/python.ts';
import { skipNote } from '../../../test/skip_note.ts';
import type { FitRows } from './contract/fit_rows.ts';
import type { Fitted } from './contract/fitted.ts';
import { fitAllRows, type FitRequest, type Learner } from './contract/learner.ts';
import { ensembleParameters } from './mixture/ensemble_parameters.ts';
import { networkParameters } from './networks/network_parameters.ts';
import { LEARNERS, learnerNamed, openLearner, partsOf } from './registry.ts';
import { runFit } from './trees/fit.ts';

const ROWS = 1600;
const COLUMNS = 6;
const SHIFTED = 3;
const SPARSE = 4;
const CONSTANT = 5;

/**
 * The label depends on columns 0 and 1. Column 3 is small beside its mean, 4 mostly missing, 5 constant.
 */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const values = new Float32Array(ROWS * COLUMNS);
  const y = new Float64Array(ROWS);
  for (let row = 0; row < ROWS; row++) {
    const own = values.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    for (let column = 0; column < COLUMNS; column++) own[column] = rng.normal();
    y[row] = own[0]! - 0.5 * own[1]! + rng.normal() > 0 ? 1 : 0;
    own[SHIFTED] = 1000 + own[SHIFTED]! / 100;
    if (rng.uniform() < 0.9) own[SPARSE] = NaN;
    if (rng.uniform() < 0.02) own[2] = Infinity;
    if (rng.uniform() < 0.1) own[1] = NaN;
    own[CONSTANT] = 1 / 3;
  }
  const time = Float64Array.from({ length: ROWS }, (_, row) => 1_546_819_200 + 300 * row);
  return {
    x: { rows: ROWS, columns: COLUMNS, values },
    y,
    time,
    labelEnd: time.map((at) => at + 600),
    weights: y.map(() => 0.5 + rng.uniform()),
  };
}

const everyRow = (rows: FitRows): Int32Array => Int32Array.from(rows.y.keys());

const REQUEST = {
  task: { kind: 'binary' },
  columns: null,
  budget: { kind: 'early_stopping', stopping: null },
  seed: 'conformance',
  continueFrom: null,
} as const satisfies Partial<FitRequest>;

const ENSEMBLES = ensembleParameters({ bagging: { members: 3 } });
const NAMES = Array.from({ length: COLUMNS }, (_, column) => `feature_${column}`);

const PARAMETERS = {
  rounds: 40,
  learning_rate: 0.1,
  leaves: 7,
  min_data_in_leaf: 10,
  l2: 1,
  row_fraction: 0.8,
  column_fraction: 0.8,
};

function open(name: string): Learner {
  return openLearner(name, {
    parameters: PARAMETERS,
    fitTrees: runFit,
    ensembles: ENSEMBLES,
    columnNames: NAMES,
    network: { ...networkParameters(undefined, 'ai1'), epochs: PARAMETERS.rounds },
  });
}

function lossOf(p: Float64Array, { y }: FitRows): number {
  return y.reduce((sum, label, row) => sum - Math.log(label === 1 ? p[row]! : 1 - p[row]!), 0) / y.length;
}

if (networksNote() === '') process.env[NETWORKS_PYTHON] = TEST_PYTHON;

process.env[LEARNER_PROGRAM] = JSON.stringify([
  process.execPath,
  join(import.meta.dirname, 'program/logistic_program.fixture.mjs'),
]);

describe.each(LEARNERS)('the learner $name', ({ name, complexity, supports, refuseMissing }) => {
  let note = '';
  try {
    refuseMissing();
  } catch (error) {
    note = skipNote(true, describeError(error).next);
  }
  const test = (title: string, act: () => Promise<void>): void => it.skipIf(note !== '')(`${title}${note}`, act);

  const rows = rowsOf('rows');
  /** Several tests look at it: a network needs a process and seconds for each fit. */
  let ordinary: Promise<Fitted> | undefined;
  const fit = (changes: Partial<FitRequest> = {}) =>
    open(name).fit({ ...REQUEST, rows, subset: everyRow(rows), ...changes });

  test('gives the same bytes for the same request, and an answer in [0, 1] for every row', async () => {
    const first = await (ordinary ??= fit());
    const again = await fit();
    expect(Buffer.compare(again.toOnnx({ metadata: {} }), first.toOnnx({ metadata: {} }))).toBe(0);
    const answers = first.answers(rows.x);
    expect(answers).toHaveLength(ROWS);
    expect(answers.every((p) => p >= 0 && p <= 1)).toBe(true);
    expect([first.learner, first.columns, first.width]).toEqual([name, COLUMNS, 1]);
    expect(first.iterations === null || first.iterations <= PARAMETERS.rounds * partsOf(name, ENSEMBLES).length).toBe(
      true,
    );
  });

  test('beats a constant where it is more than one', async () => {
    const fitted = await fitAllRows(open(name), { ...REQUEST, rows, subset: everyRow(rows) });
    const share = rows.y.reduce((sum, label) => sum + label, 0) / ROWS;
    const constant = lossOf(new Float64Array(ROWS).fill(share), rows);
    const fresh = rowsOf('fresh');
    if (complexity === 0) expect(lossOf(fitted.answers(rows.x), rows)).toBeCloseTo(constant, 2);
    else expect(lossOf(fitted.answers(fresh.x), fresh)).toBeLessThan(constant - 0.05);
  });

  test('learns from the subset alone, and from its columns alone', async () => {
    const subset = everyRow(rows).subarray(0, 1000);
    const before = (await fit({ subset })).answers(rows.x);
    const spoiled = { ...rows, x: { ...rows.x, values: rows.x.values.slice() }, y: rows.y.slice() };
    spoiled.x.values.fill(99, 1000 * COLUMNS);
    spoiled.y.fill(1, 1000);
    expect((await fit({ rows: spoiled, subset })).answers(rows.x)).toEqual(before);
    const narrow = await fit({ columns: [1, 4] });
    for (const column of [0, 2, 3, 5]) expect(narrow.columnUses()[column]).toBe(0);
    const elsewhere = { ...rows.x, values: rows.x.values.map((value, i) => (i % COLUMNS === 0 ? value + 1 : value)) };
    expect(narrow.answers(elsewhere)).toEqual(narrow.answers(rows.x));
  });

  test('follows weights: rows of weight 0 do not count, heavy ones count more', async () => {
    const heavy = { ...rows, weights: rows.y.map((label) => (label === 1 ? 3 : 1)) };
    const mean = (p: Float64Array): number => p.reduce((sum, own) => sum + own, 0) / p.length;
    const plain = { ...rows, weights: rows.y.map(() => 1) };
    expect(mean((await fit({ rows: heavy })).answers(rows.x))).toBeGreaterThan(
      mean((await fit({ rows: plain })).answers(rows.x)) + 0.1,
    );
    const none = { ...rows, weights: rows.y.map(() => 0) };
    await expect(fit({ rows: none })).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
  });

  test('takes columns of nothing, constant ones, and labels of one class', async () => {
    const empty = { ...rows, x: { ...rows.x, values: new Float32Array(ROWS * COLUMNS).fill(NaN) } };
    const flat = { ...rows, x: { ...rows.x, values: new Float32Array(ROWS * COLUMNS).fill(0.1) } };
    for (const own of [empty, flat]) {
      const p = (await fit({ rows: own })).answers(own.x);
      expect(p.every((value) => value === p[0] && value > 0.2 && value < 0.8)).toBe(true);
    }
    const ones = { ...rows, y: rows.y.map(() => 1) };
    const p = (await fit({ rows: ones })).answers(rows.x);
    expect(p.every((value) => value > 0.9 && value <= 1)).toBe(true);
  });

  test('has an ONNX graph that answers as it does within 1e-5 in onnxruntime, calibrated as well', async () => {
    const fitted = await (ordinary ??= fit());
    const scaling = { slope: [0.7], intercept: [-0.2] };
    const variants = fitted.link === 'identity' ? [fitted] : [fitted, fitted.withMargins(scaling)];
    // Values that no training row has, and nothing at all.
    const x = rowsOf('other').x;
    x.values.fill(NaN, 0, COLUMNS);
    x.values.fill(1e30, COLUMNS, 2 * COLUMNS);
    x.values.fill(-Infinity, 2 * COLUMNS, 3 * COLUMNS);
    for (const own of variants) {
      const { values, width } = await onnxAnswers(own.toOnnx({ metadata: { model: 'ai1' } }), x);
      expect(width).toBe(1);
      const exact = own.exactAnswers(x);
      const served = own.answers(x);
      const distance = (of: Float64Array): number =>
        values.reduce((most, value, row) => Math.max(most, Math.abs(value - of[row]!)), 0);
      expect(distance(exact)).toBeLessThan(1e-5);
      expect(distance(served)).toBeLessThan(1e-5);
    }
    if (fitted.link === 'identity') expect(() => fitted.withMargins(scaling)).toThrow(RangeError);
    else {
      const raw = fitted.openMargins()(x)[0]!;
      const scaled = variants[1]!.openMargins()(x)[0]!;
      expect(raw.every((margin, row) => Math.abs(scaled[row]! - (0.7 * margin - 0.2)) < 1e-5)).toBe(true);
      expect(() => fitted.withMargins({ slope: [0], intercept: [0] })).toThrow(RangeError);
    }
  });

  test('goes on from a model, or refuses to', async () => {
    const base = await fit({ budget: { kind: 'fixed', iterations: 5 } });
    const more = fit({ budget: { kind: 'fixed', iterations: 8 }, continueFrom: base });
    if (supports.continuing) expect((await more).iterations).toBe(8);
    else await expect(more).rejects.toMatchObject({ code: 'LEARNER_TASK' });
  });

  test('refuses a task that it does not name', async () => {
    for (const task of [
      { kind: 'multiclass', classes: 2 },
      { kind: 'quantile', quantile: 0.5 },
    ] as const)
      if (!supports.tasks.includes(task.kind))
        await expect(fit({ task })).rejects.toMatchObject({ code: 'LEARNER_TASK' });
  });

  test('ends when it is aborted, before and while it learns', async () => {
    const reason = new Error('not wanted any more');
    await expect(fit({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const going = fit({ signal: abort.signal, onProgress: () => abort.abort(reason) });
    // The prior has nothing to report.
    if (complexity === 0) await expect(going).resolves.toBeDefined();
    else await expect(going).rejects.toBe(reason);
  });
});

it('refuses a name that no learner has, and lists those that exist', () => {
  expect(() => learnerNamed('neural')).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  expect(new Set(LEARNERS.map(({ name }) => name)).size).toBe(LEARNERS.length);
});
