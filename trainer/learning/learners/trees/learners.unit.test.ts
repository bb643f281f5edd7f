import { describe, expect, it } from 'vitest';
import { predictModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { learnHere } from './gbdt.ts';
import { libraryHere, randomTable, request, TASKS } from './engines/engine.fixture.ts';
import { ENGINES, type Engine } from '../../../../shared/policy/engines.ts';
import { LEARNER_DEFAULTS } from './learner.ts';
import { openTreeLearner } from './learners.ts';

function noteOf(engine: Engine): string {
  if (engine !== 'lightgbm' && engine !== 'xgboost') return '';
  const { open, note } = libraryHere(engine);
  return open === null ? note : '';
}

for (const engine of ENGINES) {
  const note = noteOf(engine);
  describe(`openTreeLearner ${engine}${note}`, () => {
    it.skipIf(note !== '').each(TASKS.filter(({ task }) => task.kind !== 'quantile'))(
      'gives a learner of that name, whose answers to $name have the form of the task',
      async ({ task, isSoft = false }) => {
        const table = randomTable('learners', 1000, 5, { task, isSoft });
        const learner = openTreeLearner(engine);
        expect(learner.engine).toBe(engine);
        const model = await learner.learn(request(task, table, { params: { ...LEARNER_DEFAULTS, rounds: 20 } }));
        const answers = predictModel(model, table.x);
        const classes = task.kind === 'multiclass' ? task.classes : 1;
        expect(answers.length).toBe(1000 * classes);
        const error = (of: (row: number) => number): number =>
          table.y.reduce((sum, y, row) => sum + (of(row) - y) ** 2, 0);
        const mean = table.y.reduce((sum, y) => sum + y, 0) / 1000;
        const expected = (row: number): number =>
          classes === 1
            ? answers[row]!
            : answers.subarray(row * classes, (row + 1) * classes).reduce((sum, p, k) => sum + p * k, 0);
        expect(error(expected)).toBeLessThan(0.9 * error(() => mean));
      },
    );

    it.skipIf(note !== '')(
      engine === 'gbdt' ? 'adds trees to a model' : 'reports that it cannot add trees to a model, and which engine can',
      async () => {
        const table = randomTable('learners', 500, 3, { task: { kind: 'binary' } });
        const own = request({ kind: 'binary' }, table, { params: { ...LEARNER_DEFAULTS, rounds: 3 } });
        const going = openTreeLearner(engine).learn({ ...own, base: learnHere(own) });
        if (engine === 'gbdt') expect((await going).ensembles[0]!.trees.length).toBe(6);
        else
          await expect(going).rejects.toMatchObject({
            code: 'LEARNER_TASK',
            seen: `${engine}, with a model to add trees to`,
            next: expect.stringContaining('gbdt'),
          });
      },
    );
  });
}
