import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Split } from '../../splits/splits.ts';
import { simplestWithinError } from '../../statistics/standings.ts';
import { lossesOfBlocks, standBeside, standWays } from './way_standings.ts';

const CLASSES = 3;
const HOUR = 3600;
const DAY = 24 * HOUR;

/** A row, and what each of three ways answers: weights of up, down and range. */
const answer = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: CLASSES, maxLength: CLASSES });
const row = fc.record({
  hour: fc.integer({ min: 0, max: 5 * 24 }),
  label: fc.integer({ min: 0, max: CLASSES - 1 }),
  block: fc.integer({ min: 0, max: 1 }),
  answers: fc.array(answer, { minLength: 3, maxLength: 3 }),
});
interface Row {
  readonly hour: number;
  readonly label: number;
  readonly block: number;
  readonly answers: readonly (readonly number[])[];
}

function probabilityOf(weights: readonly number[], k: number): number {
  return weights[k]! / weights.reduce((sum, own) => sum + own, 0);
}

/** The blocks of one way, of which each has rows of any time. */
function blocksOf(rows: readonly Row[], way: number) {
  return [0, 1].map((block) => {
    const test = Int32Array.from(rows.keys()).filter((i) => rows[i]!.block === block);
    const split: Split = { name: `block ${block}`, from: 0, until: Infinity, train: new Int32Array(), test };
    const probabilities = Float64Array.from(
      [...test].flatMap((i) => {
        const weights = rows[i]!.answers[way]!;
        return weights.map((_, k) => probabilityOf(weights, k));
      }),
    );
    return { split, probabilities };
  });
}

/** Mean and standard error over days of one number a row: each day’s residual written out. */
function slowFigure(rows: readonly Row[], valueOf: (row: Row) => number): { mean: number; error: number | null } {
  const mean = rows.reduce((sum, own) => sum + valueOf(own), 0) / rows.length;
  const days = [...new Set(rows.map(({ hour }) => Math.floor((hour * HOUR) / DAY)))];
  if (days.length < 2) return { mean, error: null };
  let squares = 0;
  for (const day of days) {
    let residual = 0;
    for (const own of rows) if (Math.floor((own.hour * HOUR) / DAY) === day) residual += valueOf(own) - mean;
    squares += residual * residual;
  }
  return { mean, error: Math.sqrt((squares * days.length) / (days.length - 1)) / rows.length };
}

const slowLoss = (own: Row, way: number): number => -Math.log(probabilityOf(own.answers[way]!, own.label));

it('ways stand by the log loss of the true class of each row, paired row by row, with errors by days', () => {
  let near = 0;
  let far = 0;
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), (rows) => {
      const table = {
        time: Float64Array.from(rows, ({ hour }) => hour * HOUR),
        evaluation: Float64Array.from(rows, ({ label }) => label),
      };
      const blocks = [0, 1, 2].map((way) => blocksOf(rows, way));
      const losses = blocks.map((own) => lossesOfBlocks(table, own));
      const { order, of } = standWays(losses, table, blocks[0]!);
      const means = [0, 1, 2].map((way) => slowFigure(rows, (own) => slowLoss(own, way)).mean);
      const best = order[0]!;
      expect(means[best]).toBeCloseTo(Math.min(...means), 12);
      [0, 1, 2].forEach((way) => {
        const { mean, error } = slowFigure(rows, (own) => slowLoss(own, way) - slowLoss(own, best));
        expect(of[way]!.behind.value).toBeCloseTo(mean, 12);
        if (way === best) return expect(of[way]!.isWithinError).toBe(true);
        if (error === null)
          return expect(of[way]!).toMatchObject({ behind: { standard_error: null }, isWithinError: false });
        expect(of[way]!.behind.standard_error).toBeCloseTo(error, 12);
        // At the edge rounding decides.
        if (Math.abs(mean - error) < 1e-9) return undefined;
        expect(of[way]!.isWithinError).toBe(mean <= error);
        if (mean <= error) near++;
        else far++;
        // The same answers, not as one of the ways.
        expect(standBeside(losses[best]!, table, blocks[way]!)).toEqual(of[way]);
        return undefined;
      });
      // The way with the least number among those within the error; here the last one is the simplest.
      const within = [2, 1, 0].filter((way) => of[way]!.isWithinError);
      expect(simplestWithinError({ order, of }, [3, 2, 1])).toBe(within[0]);
    }),
    { numRuns: 300 },
  );
  expect(near).toBeGreaterThan(50);
  expect(far).toBeGreaterThan(50);
});
