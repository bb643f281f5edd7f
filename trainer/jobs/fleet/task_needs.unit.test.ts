import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FitTask } from '../../learning/learners/trees/fit.ts';
import { LEARNER_DEFAULTS } from '../../learning/learners/trees/learner.ts';
import { classNameOf, classOf, lackedFor, needsOfFit } from './task_needs.ts';

const INPUTS = { x: 'hash of x', y: 'hash of y', time: 'hash of time', labelEnd: 'of ends', weights: 'of weights' };

function fitOf(engine: FitTask['engine'], rows: number, columns: number, device?: 'gpu'): FitTask {
  const numbers = new Float64Array(rows);
  const x = { rows, columns, values: new Float32Array(rows * columns) };
  return {
    engine,
    task: { kind: 'binary' },
    rows: { x, y: numbers, time: numbers, labelEnd: numbers, weights: numbers },
    subset: new Int32Array(rows),
    params: { ...LEARNER_DEFAULTS, ...(device !== undefined && { device }) },
    stopsEarly: true,
  };
}

describe('what a fit needs', () => {
  it('is memory for its data by learner, in powers of two, and the hashes of what is large', () => {
    expect(needsOfFit(fitOf('gbdt', 100, 10), INPUTS)).toEqual({ learner: 'gbdt', memoryMb: 256 });
    // 53 MiB of data, of which each array of a row has 1.5.
    const large = fitOf('gbdt', 200_000, 60);
    expect(needsOfFit(large, INPUTS)).toEqual({ learner: 'gbdt', memoryMb: 512, data: Object.values(INPUTS) });
    expect(needsOfFit({ ...large, engine: 'xgboost' }, INPUTS).memoryMb).toBe(1024);
    expect(needsOfFit(fitOf('gbdt', 50_000, 60), INPUTS).data).toEqual(['hash of x']);
  });

  it('is at least what such fits were measured to take', () => {
    const measured = [
      ['gbdt', 200_000, 60, 273],
      ['gbdt', 650_000, 60, 656],
      ['gbdt', 300_000, 120, 691],
      ['random_forest', 300_000, 120, 841],
      ['xgboost', 200_000, 60, 548],
      ['xgboost', 300_000, 120, 1389],
    ] as const;
    for (const [engine, rows, columns, tookMb] of measured)
      expect(needsOfFit(fitOf(engine, rows, columns), INPUTS).memoryMb).toBeGreaterThanOrEqual(tookMb);
  });

  it('is a GPU where its parameters say so', () => {
    expect(needsOfFit(fitOf('xgboost', 100, 10, 'gpu'), INPUTS)).toEqual({
      learner: 'xgboost',
      memoryMb: 256,
      gpu: true,
    });
  });
});

const needs = fc.record(
  {
    learner: fc.constantFrom('gbdt', 'random_forest', 'xgboost', 'evolve'),
    memoryMb: fc.constantFrom(256, 512, 65_536),
    cores: fc.integer({ min: 2, max: 64 }),
    gpu: fc.constant(true),
  },
  { requiredKeys: ['learner'], noNullPrototype: true },
);

describe('a class of tasks', () => {
  it('is known by its name', () => {
    fc.assert(fc.property(needs, (one) => void expect(classOf(classNameOf(one))).toEqual(one)));
  });

  it('lacks nothing with a worker that does not limit it, and is told all that it lacks elsewhere', () => {
    expect(lackedFor({ learner: 'gbdt', memoryMb: 2 ** 20, cores: 64 }, { learners: ['gbdt'] })).toEqual([]);
    const poor = { learners: ['gbdt'], taskMemoryMb: 512, taskCores: 2, gpu: false };
    expect(lackedFor({ learner: 'xgboost', memoryMb: 1024, cores: 4, gpu: true }, poor)).toEqual([
      'the learner xgboost',
      '1024 MB a task: it has 512',
      '4 cores a task: it has 2',
      'a GPU',
    ]);
    expect(lackedFor({ learner: 'gbdt', memoryMb: 512, cores: 2 }, poor)).toEqual([]);
  });
});
