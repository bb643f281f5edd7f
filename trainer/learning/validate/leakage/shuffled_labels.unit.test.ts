import { verdict } from '../../../../test/passed_gates.ts';
import { writtenGate } from '../../../../test/written_gate.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { predictModel, type TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { createRng } from '../../../../shared/rng.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { checkQuality } from '../quality_gate.ts';
import type { Fit, ValidationRows } from '../../dataset/rows.ts';
import { smallTrees, walkRows } from '../../dataset/rows.fixture.ts';
import { kFoldSplits, type Split } from '../../splits/splits.ts';
import { checkShuffledLabels, checkShuffledTwice, shuffleInBlocks, type ShuffledAnswers } from './shuffled_labels.ts';

const EMBARGO = 2400;
const honest = smallTrees();
function verdicts(
  rows: ValidationRows,
  splits: readonly Split[],
  fit: Fit<ValidationRows, TreeModel>,
): Promise<GateResult[]> {
  const gate = (answers: ShuffledAnswers): GateResult[] =>
    checkQuality({ samples: 5000, rate: 0.5, ...answers }, { min_samples: 2000, f1_floor: null });
  return checkShuffledLabels(rows, splits, fit, predictModel, { seed: 'shuffle', level: 0.0027, gate });
}

/** Folds of randomly assigned rows: neighbors are on both sides. */
function dealtOut(rows: ValidationRows, folds: number): Split[] {
  const rng = createRng('dealt');
  const fold = rows.y.map(() => rng.integer(folds));
  const all = Int32Array.from(rows.y.keys());
  return Array.from({ length: folds }, (_, i) => ({
    name: `dealt ${i + 1}`,
    train: all.filter((row) => fold[row] !== i),
    test: all.filter((row) => fold[row] === i),
    from: -Infinity,
    until: Infinity,
  }));
}

describe('checkShuffledLabels', () => {
  it('finds nothing in shuffled labels, whether the real ones are predictable or not, and the gate refuses the model', async () => {
    for (const signal of [0, 1]) {
      const rows = walkRows({ seed: `honest ${signal}`, rows: 700, signal });
      const found = await verdicts(rows, kFoldSplits(rows, 5, EMBARGO), honest);
      expect(found.map(({ code, passed }) => [code, passed])).toEqual([
        ['shuffled_labels', true],
        ['shuffled_labels_refused', true],
      ]);
      const refused = writtenGate(found[1]!);
      expect(refused.seen).toMatch(/^refused by .*auc above noise/);
      expect(refused.limit).toBe('the gate refuses a model of shuffled labels');
    }
  });

  it('states blocks and noise: the sum of uniqueness counts, not the rows', async () => {
    const rows = walkRows({ seed: 'stated', rows: 700 });
    const [noise] = (await verdicts(rows, kFoldSplits(rows, 5, EMBARGO), honest)) as [GateResult];
    const { seen, limit } = writtenGate(noise);
    // A row every five minutes with labels of forty: eight share each minute.
    expect(seen).toMatch(/AUC 0\.\d{4} out of fold, labels shuffled in blocks of 40 rows/);
    expect(limit).toMatch(/^0\.5 ± 0\.\d{4}, the error with 26\d independent rows of 2100$/);
  });

  it('fails folds with neighbors on both sides: overlapping labels, unpurged', async () => {
    const rows = walkRows({ seed: 'dealt', rows: 700, memory: 0.98 });
    const [noise] = await verdicts(rows, dealtOut(rows, 5), honest);
    expect(noise!.passed).toBe(false);
  });

  it('fails a learner with access to the test rows, which the gate alone would accept', async () => {
    const rows = walkRows({ seed: 'sees all', rows: 700 });
    const seesAll: typeof honest = (all) => honest(all, Int32Array.from(all.y.keys()));
    const [noise, refused] = await verdicts(rows, kFoldSplits(rows, 5, EMBARGO), seesAll);
    expect(noise!.passed).toBe(false);
    expect(refused).toMatchObject({ passed: false, evidence: { refused_by: [] } });
  });

  it('fails a column made of the labels of all rows: the mean label of its hour', async () => {
    const rows = walkRows({ seed: 'encoded', rows: 700, columns: 2 });
    const encoding: typeof honest = (all, train) => {
      const hourOf = (row: number): string => `${all.pair[row]}/${Math.floor(all.time[row]! / 3600)}`;
      const sums = new Map<string, [number, number]>();
      all.y.forEach((label, row) => {
        const [sum, count] = sums.get(hourOf(row)) ?? [0, 0];
        sums.set(hourOf(row), [sum + label, count + 1]);
      });
      for (let row = 0; row < all.y.length; row++) {
        const [sum, count] = sums.get(hourOf(row))!;
        all.x.values[row * 2] = sum / count;
      }
      return honest(all, train);
    };
    const [noise] = await verdicts(rows, kFoldSplits(rows, 5, EMBARGO), encoding);
    expect(noise!.passed).toBe(false);
  });

  it('treats soft labels as positive above their median', async () => {
    const rows = walkRows({ seed: 'soft', rows: 500 });
    const soft = { ...rows, y: rows.y.map((label, row) => 0.3 + 0.4 * label + (row % 7) / 100) };
    const options = { seed: 'shuffle', level: 0.0027, gate: null };
    const found = await checkShuffledLabels(soft, kFoldSplits(soft, 4, EMBARGO), honest, predictModel, options);
    expect(found.map(({ passed }) => passed)).toEqual([true]);
  });

  it('ranks soft labels as those above their median against the others', async () => {
    const rows = walkRows({ seed: 'median', rows: 500 });
    const soft = rows.y.map((label, row) => ((row * 7919) % 1000) / 1000 - label);
    const median = [...soft].sort((a, b) => a - b)[Math.floor((soft.length - 1) / 2)]!;
    const options = { seed: 'shuffle', level: 0.0027, gate: null };
    // Scores that do not depend on labels: both rankings see the same ones.
    const model = honest(rows, Int32Array.from(rows.y.keys()));
    const verdictOf = (y: Float64Array): Promise<GateResult[]> =>
      checkShuffledLabels({ ...rows, y }, kFoldSplits(rows, 4, EMBARGO), () => model, predictModel, options);
    expect(await verdictOf(soft)).toEqual(await verdictOf(soft.map((label) => (label > median ? 1 : 0))));
  });

  it('ranks capped soft labels, most of which are the highest value, as those against the others', async () => {
    const rows = walkRows({ seed: 'capped', rows: 500 });
    const capped = rows.y.map((_, row) => Math.min(1, 0.4 + ((row * 7919) % 1000) / 600));
    expect(capped.filter((label) => label === 1).length).toBeGreaterThan(capped.length / 2);
    const options = { seed: 'shuffle', level: 0.0027, gate: null };
    const model = honest(rows, Int32Array.from(rows.y.keys()));
    const verdictOf = (y: Float64Array): Promise<GateResult[]> =>
      checkShuffledLabels({ ...rows, y }, kFoldSplits(rows, 4, EMBARGO), () => model, predictModel, options);
    expect(await verdictOf(capped)).toEqual(await verdictOf(capped.map((label) => (label === 1 ? 1 : 0))));
    expect((await verdictOf(capped))[0]!.value).not.toBeNull();
  });

  it('is checked with a second shuffle where the first fails, and fails where both do', async () => {
    const rows = walkRows({ seed: 'twice', rows: 300 });
    const seeds: string[] = [];
    const verdictsOf = async (gatePasses: readonly boolean[]): Promise<boolean[]> => {
      seeds.length = 0;
      const options = {
        seed: 'shuffle',
        level: 0.0027,
        gate: ({ labels }: ShuffledAnswers): GateResult[] => {
          seeds.push([...labels].join(''));
          return [verdict({ passed: gatePasses[seeds.length - 1]! })];
        },
      };
      const found = await checkShuffledTwice(rows, kFoldSplits(rows, 4, EMBARGO), honest, predictModel, options);
      return found.map(({ passed }) => passed);
    };
    expect(await verdictsOf([false])).toEqual([true, true]);
    expect(seeds).toHaveLength(1);
    expect(await verdictsOf([true, false])).toEqual([true, true]);
    expect(new Set(seeds).size).toBe(2);
    expect(await verdictsOf([true, true])).toEqual([true, false]);
  });

  it('is beyond its error by chance in few shuffles, though labels and scores depend on time', async () => {
    let beyond = 0;
    const SHUFFLES = 150;
    const rows = walkRows({ seed: 'persistent', rows: 400, memory: 0.99 });
    const model = honest(rows, Int32Array.from(rows.y.keys()));
    for (let shuffle = 0; shuffle < SHUFFLES; shuffle++) {
      const options = { seed: `shuffle ${shuffle}`, level: 0.05, gate: null };
      const [noise] = await checkShuffledLabels(
        rows,
        kFoldSplits(rows, 4, EMBARGO),
        () => model,
        predictModel,
        options,
      );
      if (!noise!.passed) beyond++;
    }
    // 5 %, and three simulation errors.
    expect(beyond / SHUFFLES).toBeLessThan(0.105);
  });

  it('passes only tested rows to the gate, and names each criterion that refuses', async () => {
    const rows = walkRows({ seed: 'tested', rows: 300 });
    const [first] = kFoldSplits(rows, 4, EMBARGO);
    const asked: number[][] = [];
    const refusal = (code: GateResult['code'], passed: boolean): GateResult => verdict({ code, passed });
    const options = {
      seed: 'shuffle',
      level: 0.0027,
      gate: ({ scores, labels, uniqueness, time }: ShuffledAnswers): GateResult[] => {
        asked.push([scores.length, labels.length, uniqueness.length, time.length]);
        return [refusal('samples', false), refusal('f1', true), refusal('auc_above_noise', false)];
      },
    };
    const [, refused] = await checkShuffledLabels(rows, [first!], honest, predictModel, options);
    expect(asked).toEqual([Array(4).fill(first!.test.length)]);
    expect(refused).toMatchObject({ value: 2, evidence: { refused_by: ['samples', 'auc_above_noise'] } });
  });

  it('does not pass when there is nothing to rank', async () => {
    const rows = walkRows({ seed: 'one class', rows: 100 });
    const one = { ...rows, y: rows.y.map(() => 1) };
    const [noise, refused] = await verdicts(one, kFoldSplits(one, 2, EMBARGO), honest);
    expect(noise).toMatchObject({ passed: false, value: null });
    expect(refused!.passed).toBe(true);
  });
});

describe('shuffleInBlocks', () => {
  it('keeps every value as often as it was, whole blocks in another order', () => {
    const row = fc.record({
      y: fc.integer({ min: 0, max: 1000 }),
      time: fc.integer({ min: 0, max: 500 }),
      pair: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (list, block) => {
        const rows = {
          y: Float64Array.from(list, ({ y }) => y),
          time: Float64Array.from(list, ({ time }) => time),
          pair: Int32Array.from(list, ({ pair }) => pair),
        };
        const shuffled = shuffleInBlocks(rows, block, 'any');
        const ascending = (values: Float64Array): number[] => [...values].sort((a, b) => a - b);
        expect(ascending(shuffled)).toEqual(ascending(rows.y));
        // In order of pair and time, both consist of the same blocks.
        const order = [...list.keys()].sort(
          (a, b) => list[a]!.pair - list[b]!.pair || list[a]!.time - list[b]!.time || a - b,
        );
        const blocks: string[] = [];
        for (const pair of [0, 1, 2]) {
          const own = order.filter((at) => list[at]!.pair === pair).map((at) => list[at]!.y);
          for (let i = 0; i < own.length; i += block) blocks.push(own.slice(i, i + block).join());
        }
        const laid = order.map((at) => shuffled[at]!);
        const left = [...blocks];
        const fits = (from: number): boolean => {
          if (from === laid.length) return true;
          return left.some((text, i) => {
            const size = text.split(',').length;
            if (text === '' || laid.slice(from, from + size).join() !== text) return false;
            left[i] = '';
            if (fits(from + size)) return true;
            left[i] = text;
            return false;
          });
        };
        expect(fits(0)).toBe(true);
      }),
    );
  });

  it('moves most labels, the same way for the same seed', () => {
    const rows = walkRows({ seed: 'moves', rows: 400 });
    const named = { ...rows, y: Float64Array.from(rows.y.keys()) };
    const shuffled = shuffleInBlocks(named, 20, 'seed');
    expect(shuffled.filter((value, row) => value === row).length).toBeLessThan(100);
    expect(shuffleInBlocks(named, 20, 'seed')).toEqual(shuffled);
    expect(shuffleInBlocks(named, 20, 'other')).not.toEqual(shuffled);
  });
});
