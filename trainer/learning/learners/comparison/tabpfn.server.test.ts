import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import { createRng } from '../../../../shared/rng.ts';
import { networksNote } from '../../../../test/networks_python.ts';
import { TEST_PYTHON } from '../../../../test/python.ts';
import { auc } from '../../measures/metrics.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { evenly } from './answer_by_program.ts';
import { TABPFN } from './tabpfn.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/**
 * In place of the package: its interface, and a nearest-neighbor vote. It notes what it was given, and refuses more
 * rows than the model may have.
 */
const STAND_IN = `import numpy as np

class TabPFNClassifier:
    def __init__(self, device, random_state):
        assert device == "cpu" and random_state >= 0

    def fit(self, x, y):
        assert len(x) <= 1000 and set(np.unique(y)) == {0, 1}
        self.classes_ = np.array([0, 1])
        self.x, self.y = np.nan_to_num(x), y

    def predict_proba(self, x):
        assert len(x) <= 2048
        distances = ((np.nan_to_num(x)[:, None, :] - self.x[None]) ** 2).sum(axis=2)
        near = np.argsort(distances, axis=1)[:, :25]
        positive = self.y[near].mean(axis=1)
        return np.column_stack([1 - positive, positive])
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-tabpfn-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const NAMES = ['z_score', 'beta', 'half_life'];

function rowsOf(count: number): FitRows {
  const rng = createRng('tabpfn');
  const values = Float32Array.from({ length: count * NAMES.length }, () => (rng.uniform() < 0.02 ? NaN : rng.normal()));
  const time = Float64Array.from({ length: count }, (_, row) => 60 * row);
  return {
    x: { rows: count, columns: NAMES.length, values },
    y: Float64Array.from({ length: count }, (_, row) => ((values[row * 3]! || 0) + 0.5 * rng.normal() > 0 ? 1 : 0)),
    time,
    labelEnd: time.map((at) => at + 600),
    weights: new Float64Array(count).fill(1),
  };
}

/** A Python with the packages of the networks, and the stand-in as an installed package. */
function pythonWithStandIn(): string {
  const own = join(folder, 'venv');
  const run = (program: string, ...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    expect(`${status} ${stderr}`).toMatch(/^0 /);
    return stdout.trim();
  };
  const PLACE = 'import sysconfig; print(sysconfig.get_paths()["purelib"])';
  run(TEST_PYTHON, '-m', 'venv', '--without-pip', own);
  const python = join(own, 'bin', 'python');
  const packages = run(python, '-c', PLACE);
  writeFileSync(join(packages, 'networks.pth'), `${run(TEST_PYTHON, '-c', PLACE)}\n`);
  mkdirSync(join(packages, 'tabpfn'));
  mkdirSync(join(packages, 'tabpfn-0.0.1.dist-info'));
  writeFileSync(join(packages, 'tabpfn', '__init__.py'), STAND_IN);
  writeFileSync(
    join(packages, 'tabpfn-0.0.1.dist-info', 'METADATA'),
    'Metadata-Version: 2.1\nName: tabpfn\nVersion: 0.0.1\n',
  );
  return python;
}

describe('the rows that TabPFN has as its context', () => {
  it('are evenly spaced, in order, the first and the last among them', () => {
    const rows = Int32Array.from({ length: 5001 }, (_, i) => 2 * i);
    const some = evenly(rows, 1001);
    expect([some.length, some[0], some.at(-1)]).toEqual([1001, 0, 10_000]);
    expect(new Set(some.slice(1).map((row, i) => row - some[i]!))).toEqual(new Set([10]));
    expect(evenly(rows, 5001)).toBe(rows);
  });
});

describe.skipIf(networksNote() !== '')(`tabpfn by learners/python${networksNote()}`, () => {
  it('answers any rows by at most 1,000, over as many requests as are asked', async () => {
    vi.stubEnv(NETWORKS_PYTHON, pythonWithStandIn());
    TABPFN.refuseMissing();
    const rows = rowsOf(6000);
    const subset = Int32Array.from({ length: 4000 }, (_, row) => row);
    const model = await TABPFN.open({ columnNames: NAMES }).fit({ rows, subset, columns: [0, 2], seed: 'seed' });
    const answers = await model.answers(rows.x);
    expect(answers.length).toBe(6000);
    expect(auc(answers.slice(4000), rows.y.slice(4000))).toBeGreaterThan(0.85);
    const few = { rows: 3, columns: 3, values: rows.x.values.slice(0, 9) };
    expect([...(await model.answers(few))]).toEqual([...answers.slice(0, 3)]);
  });

  it('says why it cannot answer, and answers the next request', async () => {
    vi.stubEnv(NETWORKS_PYTHON, pythonWithStandIn());
    const rows = rowsOf(500);
    const subset = Int32Array.from(rows.y.keys());
    const learner = TABPFN.open({ columnNames: NAMES });
    const constant = { ...rows, y: new Float64Array(500).fill(1) };
    const model = await learner.fit({ rows: constant, subset, columns: null, seed: 'seed' });
    await expect(model.answers(rows.x)).rejects.toMatchObject({
      code: 'LEARNER_FAILED',
      seen: expect.stringContaining('all rows have the same label') as string,
    });
    const sound = await learner.fit({ rows, subset, columns: null, seed: 'seed' });
    expect((await sound.answers(rows.x)).length).toBe(500);
  });
});
