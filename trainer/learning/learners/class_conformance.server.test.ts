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
import { LEARNERS, openLearner } from './registry.ts';
import { runFit } from './trees/fit.ts';

const ROWS = 1500;
const COLUMNS = 4;
const CLASSES = 3;

/** Class 0 where the first column is high, 1 where it is low, 2 between them; the last column is constant. */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const values = new Float32Array(ROWS * COLUMNS);
  const y = new Float64Array(ROWS);
  for (let row = 0; row < ROWS; row++) {
    const own = values.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    for (let column = 0; column < COLUMNS; column++) own[column] = rng.normal();
    const score = own[0]! + 0.4 * rng.normal();
    y[row] = score > 0.5 ? 0 : score < -0.5 ? 1 : 2;
    if (rng.uniform() < 0.1) own[1] = NaN;
    if (rng.uniform() < 0.02) own[2] = Infinity;
    own[3] = 1 / 3;
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
    ensembles: ensembleParameters({ bagging: { members: 3 } }),
    columnNames: Array.from({ length: COLUMNS }, (_, column) => `feature_${column}`),
    network: { ...networkParameters(undefined, 'ai1'), epochs: PARAMETERS.rounds },
  });
}

if (networksNote() === '') process.env[NETWORKS_PYTHON] = TEST_PYTHON;

process.env[LEARNER_PROGRAM] = JSON.stringify([
  process.execPath,
  join(import.meta.dirname, 'program/logistic_program.fixture.mjs'),
]);

/** Mean of −ln of the probability of the true class. */
function lossOf(fitted: Fitted, { x, y }: FitRows): number {
  const p = fitted.exactAnswers(x);
  return y.reduce((sum, label, row) => sum - Math.log(Math.max(p[row * CLASSES + label]!, 1e-6)), 0) / y.length;
}

/** Mean probability of each class. */
function meansOf(fitted: Fitted, { x }: FitRows): number[] {
  const p = fitted.exactAnswers(x);
  return Array.from(
    { length: CLASSES },
    (_, k) => p.reduce((sum, own, i) => sum + (i % CLASSES === k ? own : 0), 0) / x.rows,
  );
}

const learned = LEARNERS.filter(({ supports }) => supports.tasks.includes('multiclass'));

it('all learners learn classes, as docs/reference/ENGINES.md says', () => {
  expect(learned).toEqual(LEARNERS);
});

describe.each(learned)('the learner $name of three classes', ({ name, complexity, refuseMissing }) => {
  let note = '';
  try {
    refuseMissing();
  } catch (error) {
    note = skipNote(true, describeError(error).next);
  }
  const test = (title: string, act: () => Promise<void>): void => it.skipIf(note !== '')(`${title}${note}`, act);

  const rows = rowsOf('classes');
  /** Several tests look at it: a network needs a process and seconds for each fit. */
  let ordinary: Promise<Fitted> | undefined;
  const fit = (changes: Partial<FitRequest> = {}) =>
    open(name).fit({
      task: { kind: 'multiclass', classes: CLASSES },
      columns: null,
      budget: { kind: 'early_stopping', stopping: null },
      seed: 'classes',
      continueFrom: null,
      rows,
      subset: everyRow(rows),
      ...changes,
    });

  test('gives the same bytes for the same request, and probabilities whose sum is one', async () => {
    const first = await (ordinary ??= fit());
    const again = await fit();
    expect(Buffer.compare(again.toOnnx({ metadata: {} }), first.toOnnx({ metadata: {} }))).toBe(0);
    expect([first.learner, first.columns, first.width]).toEqual([name, COLUMNS, CLASSES]);
    const p = first.exactAnswers(rows.x);
    expect(p).toHaveLength(ROWS * CLASSES);
    for (let row = 0; row < ROWS; row++) {
      const own = [...p.subarray(row * CLASSES, (row + 1) * CLASSES)];
      expect(own.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(own.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    }
    const served = first.answers(rows.x);
    expect(served).toHaveLength(ROWS * CLASSES);
    served.forEach((own, i) => expect(Math.abs(own - p[i]!)).toBeLessThan(1e-5));
  });

  test('beats the base rates where it is more than they are', async () => {
    const fitted = await fitAllRows(open(name), {
      task: { kind: 'multiclass', classes: CLASSES },
      columns: null,
      seed: 'classes',
      continueFrom: null,
      rows,
      subset: everyRow(rows),
    });
    const shares = Array.from({ length: CLASSES }, (_, k) => rows.y.filter((label) => label === k).length / ROWS);
    const constant = shares.reduce((sum, share) => sum - share * Math.log(share), 0);
    const fresh = rowsOf('fresh');
    if (complexity === 0) expect(lossOf(fitted, rows)).toBeCloseTo(constant, 2);
    else expect(lossOf(fitted, fresh)).toBeLessThan(constant - 0.2);
  });

  test('learns from the subset alone, and from its columns alone', async () => {
    const subset = everyRow(rows).subarray(0, 1000);
    const before = (await fit({ subset })).exactAnswers(rows.x);
    const spoiled = { ...rows, x: { ...rows.x, values: rows.x.values.slice() }, y: rows.y.slice() };
    spoiled.x.values.fill(99, 1000 * COLUMNS);
    spoiled.y.fill(1, 1000);
    expect((await fit({ rows: spoiled, subset })).exactAnswers(rows.x)).toEqual(before);
    const narrow = await fit({ columns: [1, 2] });
    for (const column of [0, 3]) expect(narrow.columnUses()[column]).toBe(0);
    const elsewhere = { ...rows.x, values: rows.x.values.map((value, i) => (i % COLUMNS === 0 ? value + 1 : value)) };
    expect(narrow.exactAnswers(elsewhere)).toEqual(narrow.exactAnswers(rows.x));
  });

  test('follows weights: those of a class make it likelier, rows without weight do not count', async () => {
    const weighted = (k: number) => ({ ...rows, weights: rows.y.map((label) => (label === k ? 4 : 1)) });
    const means: number[][] = [];
    for (const k of [0, 1, 2]) means.push(meansOf(await fit({ rows: weighted(k) }), rows));
    for (const k of [0, 1, 2]) expect(means[k]![k]!).toBeGreaterThan(means[(k + 1) % CLASSES]![k]! + 0.1);
    const none = { ...rows, weights: rows.y.map(() => 0) };
    await expect(fit({ rows: none })).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
  });

  test('takes columns of nothing, rows without a class, and rows of one class', async () => {
    const empty = { ...rows, x: { ...rows.x, values: new Float32Array(ROWS * COLUMNS).fill(NaN) } };
    const p = (await fit({ rows: empty })).exactAnswers(empty.x);
    expect(p.every((value, i) => value === p[i % CLASSES] && value > 0.1 && value < 0.8)).toBe(true);
    const without = { ...rows, y: rows.y.map((label) => (label === 1 ? 2 : label)) };
    const means = meansOf(await fit({ rows: without }), rows);
    expect(means[1]).toBeLessThan(0.02);
    const alone = { ...rows, y: rows.y.map(() => 1) };
    expect(meansOf(await fit({ rows: alone }), rows)[1]).toBeGreaterThan(0.9);
  });

  test('has an ONNX graph that answers as it does within 1e-5 in onnxruntime, calibrated as well', async () => {
    const fitted = await (ordinary ??= fit());
    const scaling = { slope: [0.7, 1.2, 0.9], intercept: [-0.2, 0.3, 0.1] };
    expect(fitted.link).toBe('softmax');
    const x = rowsOf('other').x;
    x.values.fill(NaN, 0, COLUMNS);
    x.values.fill(1e30, COLUMNS, 2 * COLUMNS);
    x.values.fill(-Infinity, 2 * COLUMNS, 3 * COLUMNS);
    for (const own of [fitted, fitted.withMargins(scaling), fitted.withMargins(scaling).withMargins(scaling)]) {
      const { values, width } = await onnxAnswers(own.toOnnx({ metadata: { model: 'direction' } }), x);
      expect(width).toBe(CLASSES);
      for (const answers of [own.exactAnswers(x), own.answers(x)])
        expect(values.reduce((most, value, i) => Math.max(most, Math.abs(value - answers[i]!)), 0)).toBeLessThan(1e-5);
    }
    const margins = fitted.openMargins()(x);
    expect(margins.map((own) => own.length)).toEqual([ROWS, ROWS, ROWS]);
    for (const [own, by] of [
      [fitted, { slope: [1, 1, 1], intercept: [0, 0, 0] }],
      [fitted.withMargins(scaling), scaling],
    ] as const) {
      const p = own.exactAnswers(x);
      for (let row = 0; row < ROWS; row++) {
        const scaled = margins.map((margin, k) => by.slope[k]! * margin[row]! + by.intercept[k]!);
        const greatest = Math.max(...scaled);
        const e = scaled.map((value) => Math.exp(value - greatest));
        const sum = e.reduce((all, value) => all + value, 0);
        e.forEach((value, k) => expect(Math.abs(p[row * CLASSES + k]! - value / sum)).toBeLessThan(1e-5));
      }
    }
    expect(() => fitted.withMargins({ slope: [1, 0, 1], intercept: [0, 0, 0] })).toThrow(RangeError);
    expect(() => fitted.withMargins({ slope: [1], intercept: [0] })).toThrow(RangeError);
  });

  test('ends when it is aborted, before and while it learns', async () => {
    const reason = new Error('not wanted any more');
    await expect(fit({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const going = fit({ signal: abort.signal, onProgress: () => abort.abort(reason) });
    if (complexity === 0) await expect(going).resolves.toBeDefined();
    else await expect(going).rejects.toBe(reason);
  });
});
