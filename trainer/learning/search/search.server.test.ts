import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MinutehandError } from '../../../shared/errors.ts';
import { createRng } from '../../../shared/rng.ts';
import { pairedGain, searchTraining, type SearchProgress, type SearchRequest } from './search.ts';
import type { Params } from './space.ts';

/** Ridge regression of a noisy cubic on powers of x: degree and penalty matter, and a fold is cheap. */
interface Rows {
  readonly powers: readonly (readonly number[])[];
}
const rng = createRng('cubic');
const xs = Array.from({ length: 60 }, () => 2 * rng.uniform() - 1);
const ys = xs.map((x) => 2 * x * x * x - x + 0.2 * rng.normal());

function ridge(rows: readonly (readonly number[])[], targets: readonly number[], penalty: number): number[] {
  const size = rows[0]!.length;
  const weights = new Array<number>(size).fill(0);
  // Coordinate descent: slow, and enough for a test.
  for (let round = 0; round < 60; round++) {
    for (let j = 0; j < size; j++) {
      let above = 0;
      let below = penalty;
      rows.forEach((row, i) => {
        const rest = targets[i]! - row.reduce((sum, value, k) => (k === j ? sum : sum + value * weights[k]!), 0);
        above += rest * row[j]!;
        below += row[j]! * row[j]!;
      });
      weights[j] = above / below;
    }
  }
  return weights;
}

let clock = 0;
let fits = 0;
const FOLDS = 4;
const request: SearchRequest<Rows> = {
  space: {
    degree: { kind: 'integer', low: 1, high: 8 },
    penalty: { kind: 'float', low: 1e-4, high: 100, log: true },
  },
  configured: { degree: 1, penalty: 10 },
  seed: 1,
  direction: 'minimize',
  sampler: 'tpe',
  budget: { trials: 40, limitMs: null },
  folds: FOLDS,
  journal: null,
  prepare: ({ degree }) =>
    Promise.resolve({
      powers: xs.map((x) => Array.from({ length: Number(degree) + 1 }, (_, power) => x ** power)),
    }),
  measureFold: ({ powers }, fold, { penalty }) => {
    fits++;
    clock += 10;
    const isTest = (i: number): boolean => i % FOLDS === fold;
    const train = powers.filter((_, i) => !isTest(i));
    const weights = ridge(
      train,
      ys.filter((_, i) => !isTest(i)),
      Number(penalty),
    );
    let squares = 0;
    let count = 0;
    powers.forEach((row, i) => {
      if (!isTest(i)) return;
      squares += (ys[i]! - row.reduce((sum, value, k) => sum + value * weights[k]!, 0)) ** 2;
      count++;
    });
    return Promise.resolve(squares / count);
  },
  nowMs: () => clock,
  onProgress: () => undefined,
};

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'minutehand-search-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('searchTraining', () => {
  it('finds better parameters than the current ones, and reports by how much', async () => {
    fits = 0;
    const result = await searchTraining(request);
    expect(result.trials).toBe(40);
    expect(result.complete + result.pruned + result.failed).toBe(40);
    expect(result.configured.number).toBe(0);
    expect(result.configured.params).toEqual(request.configured);
    expect(Number(result.best.params.degree)).toBeGreaterThanOrEqual(3);
    expect(result.best.value).toBeLessThan(0.6 * result.configured.value);
    expect(result.gain.mean).toBeCloseTo(result.configured.value - result.best.value, 9);
    expect(result.gain.mean).toBeGreaterThan(2 * result.gain.standardError);
    expect(result.values.length).toBe(result.complete);
    expect(result.best.folds.length).toBe(FOLDS);
    expect(result.endedBy).toBe('trials');
    // Pruning has saved work.
    expect(result.pruned).toBeGreaterThan(5);
    expect(fits).toBeLessThan(0.9 * 40 * FOLDS);
  });

  it('is the same every time, and continues after a crash as if there had been none', async () => {
    const whole = await searchTraining(request);
    expect(await searchTraining(request)).toEqual(whole);
    const journal = join(folder, 'crash.jsonl');
    const crashes = [7, 30, 61];
    for (const crashAt of crashes) {
      let done = 0;
      await expect(
        searchTraining({
          ...request,
          journal,
          measureFold: (...args) =>
            ++done > crashAt ? Promise.reject(new Error('out of memory')) : request.measureFold(...args),
        }),
      ).rejects.toThrow('out of memory');
    }
    expect(await searchTraining({ ...request, journal })).toEqual(whole);
    // A finished search is read, not repeated.
    fits = 0;
    expect(await searchTraining({ ...request, journal })).toEqual(whole);
    expect(fits).toBe(0);
    // With a larger budget it continues.
    const more = await searchTraining({ ...request, journal, budget: { trials: 50, limitMs: null } });
    expect(more.trials).toBe(50);
    await expect(searchTraining({ ...request, journal, folds: 3 })).rejects.toMatchObject({ code: 'SEARCH_JOURNAL' });
  });

  it('ends at its time limit, but not before the configured parameters are measured', async () => {
    const short = await searchTraining({ ...request, budget: { trials: 40, limitMs: 200 } });
    expect(short.endedBy).toBe('time');
    expect(short.trials).toBe(5);
    const none = await searchTraining({ ...request, budget: { trials: 40, limitMs: 0 } });
    expect(none.trials).toBe(1);
    expect(none.best).toEqual(none.configured);
    expect(none.gain.mean).toBe(0);
  });

  it('counts a refused trial as bad and continues, and throws the error when the configured one is refused', async () => {
    const refusing = (refuses: (params: Params) => boolean): Promise<unknown> =>
      searchTraining({
        ...request,
        prepare: (params) =>
          refuses(params)
            ? Promise.reject(new MinutehandError('DATA_TOO_SHORT', { seen: 'no rows' }))
            : request.prepare(params),
      });
    const result = (await refusing(({ degree }) => Number(degree) > 6)) as { failed: number; trials: number };
    expect(result.failed).toBeGreaterThan(0);
    expect(result.trials).toBe(40);
    await expect(refusing(() => true)).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
  });

  it('fails a trial whose measure is not a number', async () => {
    const result = await searchTraining({
      ...request,
      measureFold: (rows, fold, params) =>
        Number(params.degree) === 5 ? Promise.resolve(NaN) : request.measureFold(rows, fold, params),
    });
    expect(result.failed).toBeGreaterThan(0);
    expect(result.best.params.degree).not.toBe(5);
    await expect(searchTraining({ ...request, measureFold: () => Promise.resolve(NaN) })).rejects.toThrow(RangeError);
  });

  it('reports every trial and the best so far', async () => {
    const seen: SearchProgress[] = [];
    await searchTraining({ ...request, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ done }) => done)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const bests = seen.map(({ best }) => best!);
    expect(bests).toEqual([...bests].sort((a, b) => b - a));
    expect(seen.every(({ configured }) => configured === bests[0])).toBe(true);
  });
});

describe('the gain of the best of many trials', () => {
  it('is beyond chance in few searches without a better trial, where two standard errors are in many', () => {
    const SEARCHES = 2000;
    for (const folds of [3, 5]) {
      const rng = createRng(`searches ${folds}`);
      let found = 0;
      let byTwoErrors = 0;
      for (let search = 0; search < SEARCHES; search++) {
        const gains = Array.from({ length: 15 }, () =>
          pairedGain(
            Array.from({ length: folds }, () => rng.normal()),
            15,
          ),
        );
        const best = gains.reduce((one, other) => (other.mean > one.mean ? other : one));
        if (best.mean > best.required * best.standardError) found++;
        if (best.mean > 2 * best.standardError) byTwoErrors++;
      }
      expect(found / SEARCHES).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / SEARCHES));
      expect(byTwoErrors / SEARCHES).toBeGreaterThan(0.17);
    }
    expect(pairedGain([1, 1.1], 15).required).toBe(Infinity);
  });

  it('is beyond chance where a trial is clearly better', () => {
    const { mean, standardError, required } = pairedGain([1, 1.1, 0.9, 1.05, 0.95], 15);
    expect(mean).toBeGreaterThan(required * standardError);
  });
});
