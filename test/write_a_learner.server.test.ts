import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRng } from '../shared/rng.ts';
import type { TRAIN_ENGINES as TrainEngines } from '../shared/policy/engines.ts';
import type { FitRequest } from '../trainer/learning/learners/contract/learner.ts';
import type { learnerNamed as LearnerNamed } from '../trainer/learning/learners/registry.ts';
import { GuidedTree } from './followed_guide.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Program {
  readonly TRAIN_ENGINES: typeof TrainEngines;
  readonly learnerNamed: typeof LearnerNamed;
}

const ROWS = 400;

/** The label is whether column 1 is above 0; column 0 is noise. */
function requestOf(): FitRequest {
  const rng = createRng('stump');
  const values = Float32Array.from({ length: 2 * ROWS }, () => rng.normal());
  const y = Float64Array.from({ length: ROWS }, (_, row) => (values[2 * row + 1]! > 0 ? 1 : 0));
  const time = y.map((_, row) => 60 * row);
  const rows = { x: { rows: ROWS, columns: 2, values }, y, time, labelEnd: time, weights: y.map(() => 1) };
  return {
    task: { kind: 'binary' },
    rows,
    subset: Int32Array.from(y.keys()),
    columns: null,
    budget: { kind: 'early_stopping', stopping: null },
    seed: 'stump',
    continueFrom: null,
  };
}

describe('the guide to a learner', () => {
  const tree = new GuidedTree();
  let files: string[];
  beforeAll(() => {
    files = tree.follow('WRITE_A_LEARNER.md');
  });
  afterAll(() => tree.remove());

  it('makes one file, and edits the list and the names', () => {
    expect(files).toEqual([
      '+trainer/learning/learners/stump/stump.ts',
      'trainer/learning/learners/registry.ts',
      'shared/policy/engines.ts',
    ]);
  });

  it('makes a learner that compiles, has a name in the configuration, and learns', async () => {
    expect(await tree.typeCheck()).toBe('');
    const program = (await tree.load([
      "export { TRAIN_ENGINES } from './shared/policy/engines.ts';",
      "export { learnerNamed } from './trainer/learning/learners/registry.ts';",
    ])) as unknown as Program;
    expect(program.TRAIN_ENGINES).toContain('stump');
    const request = requestOf();
    const fitted = await program
      .learnerNamed('stump')
      .open({} as never)
      .fit(request);
    expect([...fitted.columnUses()]).toEqual([0, 1]);
    const answers = fitted.exactAnswers(request.rows.x);
    const right = answers.filter((p, row) => p > 0.5 === (request.rows.y[row] === 1));
    expect(right.length / ROWS).toBeGreaterThan(0.9);
  });
});
