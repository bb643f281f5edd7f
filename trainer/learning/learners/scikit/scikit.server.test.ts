import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SCIKIT, type Scikit } from '../../../../shared/policy/engines.ts';
import { NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { createRng } from '../../../../shared/rng.ts';
import { FAKE_PYTHON_NOTE, fakePython, fakePythonWithout } from '../../../../test/networks_python.ts';
import { pythonNote, TEST_PYTHON } from '../../../../test/python.ts';
import { auc } from '../../measures/metrics.ts';
import { likeliestClasses } from '../../measures/multiclass.ts';
import { takeRows, type FitRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import { fitAllRows, type FitRequest } from '../contract/learner.ts';
import { LOGISTIC } from '../linear/logistic.ts';
import { SCIKIT_LEARNERS } from './scikit.ts';

const NAMES = ['z_score', 'beta', 'half_life'];
const ROWS = 3000;
const LEARNED = 2000;
const PARAMETERS = {
  rounds: 25,
  learning_rate: 0.1,
  leaves: 8,
  min_data_in_leaf: 20,
  l2: 5,
  row_fraction: 0.5,
  column_fraction: 0.6,
};

const note = pythonNote('numpy', 'onnx', 'pyarrow', 'sklearn');

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-scikit-test-'))));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A twentieth of the numbers is missing; what is missing of the first column tells the label too. */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: ROWS * NAMES.length }, () => (rng.uniform() < 0.05 ? NaN : rng.normal()));
  const time = Float64Array.from({ length: ROWS }, (_, row) => 1_546_819_200 + 300 * row);
  const y = Float64Array.from(time, (_, row) => {
    const first = values[row * NAMES.length]!;
    return (Number.isNaN(first) ? 1 : first) + rng.normal() > 0 ? 1 : 0;
  });
  return { x: { rows: ROWS, columns: NAMES.length, values }, y, time, labelEnd: time, weights: y.map(() => 1) };
}

const rows = rowsOf('scikit');
const learnerOf = (name: Scikit) => SCIKIT_LEARNERS.find((own) => own.name === name)!;

const fit = (name: Scikit, seed = 'scikit'): Promise<Fitted> =>
  fitAllRows(learnerOf(name).open({ parameters: PARAMETERS, columnNames: NAMES }), {
    task: { kind: 'binary' },
    rows,
    subset: Int32Array.from({ length: LEARNED }, (_, row) => row),
    columns: null,
    seed,
    continueFrom: null,
  });

const CLASSES = 3;

/** 0 where the first column and some noise are high, 1 where they are low, else 2. */
function classesOf({ x }: FitRows): Float64Array {
  const rng = createRng('classes');
  return Float64Array.from({ length: x.rows }, (_, row) => {
    const first = (x.values[row * NAMES.length]! || 1) + 0.5 * rng.normal();
    return first > 0.5 ? 0 : first < -0.5 ? 1 : 2;
  });
}

const requestOf = (own: FitRows): FitRequest => ({
  task: { kind: 'multiclass', classes: CLASSES },
  rows: own,
  subset: Int32Array.from({ length: LEARNED }, (_, row) => row),
  columns: null,
  budget: { kind: 'early_stopping', stopping: null },
  seed: 'classes',
  continueFrom: null,
});

const fitClasses = (name: Scikit, own: FitRows, parameters = PARAMETERS): Promise<Fitted> =>
  learnerOf(name).open({ parameters, columnNames: NAMES }).fit(requestOf(own));

/** Of the rows that were not learned from: how many have the class that is called likeliest. */
function shareRight(fitted: Fitted, { x, y }: FitRows): number {
  const called = likeliestClasses(fitted.exactAnswers(x), CLASSES);
  let right = 0;
  for (let row = LEARNED; row < ROWS; row++) if (called[row] === y[row]) right++;
  return right / (ROWS - LEARNED);
}

describe('a model of scikit-learn', () => {
  it.skipIf(FAKE_PYTHON_NOTE !== '')(`is asked of its own program, with every figure${FAKE_PYTHON_NOTE}`, async () => {
    vi.stubEnv(NETWORKS_PYTHON, fakePython(folder));
    await fit('sklearn_forest');
    expect(readFileSync(join(folder, 'arguments'), 'utf8')).toMatch(/-E -s -B \S+python sklearn_forest\n/);
    const asked = JSON.parse(readFileSync(join(folder, 'requests'), 'utf8').trim()) as object;
    expect(asked).toMatchObject({ parameters: PARAMETERS, iterations: null, features: NAMES });
  });

  it.skipIf(FAKE_PYTHON_NOTE !== '')(
    `without its package is an error with the one command${FAKE_PYTHON_NOTE}`,
    async () => {
      const python = fakePythonWithout(folder, 'sklearn');
      vi.stubEnv(NETWORKS_PYTHON, python);
      const missing = { code: 'LEARNER_MISSING', next: `Run \`${python} -m pip install scikit-learn\`.` };
      for (const { refuseMissing } of SCIKIT_LEARNERS)
        expect(refuseMissing).toThrow(expect.objectContaining(missing) as Error);
      await expect(fit('sklearn_logistic')).rejects.toMatchObject(missing);
    },
  );

  it.skipIf(note !== '').each(SCIKIT)(
    `%s learns, alike each time, and its graph answers as it does${note}`,
    async (name) => {
      vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
      const first = await fit(name);
      const tested = Int32Array.from({ length: ROWS - LEARNED }, (_, i) => LEARNED + i);
      const answers = first.answers(takeRows(rows.x, tested));
      // The best possible one has about 0.79.
      expect(auc(answers, rows.y.subarray(LEARNED))!).toBeGreaterThan(0.74);
      const again = await fit(name);
      expect(Buffer.compare(first.toOnnx({ metadata: {} }), again.toOnnx({ metadata: {} }))).toBe(0);
      expect(first.iterations).toBe(name === 'sklearn_forest' ? PARAMETERS.rounds : null);
    },
  );

  it.skipIf(note !== '').each(SCIKIT)(`%s learns classes, of which one may have no row${note}`, async (name) => {
    vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
    const three = { ...rows, y: classesOf(rows) };
    const first = await fitClasses(name, three);
    expect([first.link, first.width]).toEqual(['softmax', CLASSES]);
    const again = await fitClasses(name, three);
    expect(Buffer.compare(first.toOnnx({ metadata: {} }), again.toOnnx({ metadata: {} }))).toBe(0);
    expect(shareRight(first, three)).toBeGreaterThan(0.6);
    // Of two classes scikit-learn has one margin.
    const two = { ...three, y: three.y.map((label) => (label === 1 ? 2 : label)) };
    const without = await fitClasses(name, two);
    const p = without.exactAnswers(rows.x);
    expect(p.every((own, i) => i % CLASSES !== 1 || own < 1e-3)).toBe(true);
    expect(shareRight(without, two)).toBeGreaterThan(0.7);
  });

  it.skipIf(note !== '')(`is what our own logistic regression of classes finds${note}`, async () => {
    vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
    const three = { ...rows, y: classesOf(rows) };
    // Our penalty is one on the mean loss, that of scikit-learn on its sum.
    const theirs = await fitClasses('sklearn_logistic', three, { ...PARAMETERS, l2: 1e-4 * LEARNED });
    const ours = await LOGISTIC.open(null).fit(requestOf(three));
    const expected = theirs.exactAnswers(rows.x);
    ours.exactAnswers(rows.x).forEach((p, i) => expect(Math.abs(p - expected[i]!)).toBeLessThan(1e-3));
  });

  it('has the operators of the networks, so that both can be members of one ensemble', () => {
    const opsetOf = (file: string): string =>
      /^OPSET = (\d+)$/m.exec(readFileSync(join(packageRoot(), 'learners', 'python', file), 'utf8'))![1]!;
    expect(opsetOf('scikit.py')).toBe(opsetOf('network_training.py'));
  });

  it.skipIf(note !== '')(`sends what is missing where the forest does${note}`, async () => {
    vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
    const fitted = await fit('sklearn_forest');
    const one = (value: number) => fitted.answers({ rows: 1, columns: 3, values: Float32Array.of(value, 0, 0) })[0]!;
    expect(one(NaN)).toBeGreaterThan(0.6);
    expect(one(-2)).toBeLessThan(0.3);
    expect(one(Infinity)).toBe(one(1e30));
  });
});
