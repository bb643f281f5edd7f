import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { pairedGain, type PairedScores } from './paired_gain.ts';

const DAY = 86_400;
const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
const row = fc.record({ day: fc.integer({ min: 0, max: 9 }), y: share, own: share, pooled: share });

type Row = Record<'day' | 'y' | 'own' | 'pooled', number>;

function scoresOf(rows: readonly Row[]): PairedScores {
  const of = (key: keyof Row): number[] => rows.map((one) => one[key]);
  return { y: of('y'), own: of('own'), pooled: of('pooled'), time: rows.map(({ day }, i) => day * DAY + 60 * (i % 9)) };
}

const loss = (p: number, y: number): number => -(y * Math.log(p) + (1 - y) * Math.log(1 - p));

/** Rows for which own predictions are better than the pooled ones by `skill`, plus a random daily effect. */
function drawRows(skill: number, seed: string, days = 40): Row[] {
  const rng = createRng(seed);
  return Array.from({ length: days * 30 }, (_, i): Row => {
    const y = rng.uniform() < 0.5 ? 1 : 0;
    const own = 0.5 + (y === 1 ? skill : -skill);
    return { day: Math.floor(i / 30), y, own: own + 0.02 * rng.normal(), pooled: 0.5 + 0.02 * rng.normal() };
  });
}

describe('pairedGain', () => {
  it('is the difference of the mean log losses, with the standard error of a ratio of daily sums', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), (rows) => {
        const found = pairedGain(scoresOf(rows), 3);
        const gains = rows.map(({ y, own, pooled }) => loss(pooled, y) - loss(own, y));
        const mean = gains.reduce((sum, gain) => sum + gain, 0) / rows.length;
        expect(found.gain).toBeCloseTo(mean, 9);
        expect(found.gain).toBeCloseTo(found.pooled_log_loss! - found.own_log_loss!, 9);
        const days = [...new Set(rows.map(({ day }) => day))];
        expect([found.rows, found.days]).toEqual([rows.length, days.length]);
        if (days.length < 2) {
          expect(found).toMatchObject({ standard_error: null, chosen: false });
          return;
        }
        const squares = days.map((day) => {
          const own = gains.filter((_, i) => rows[i]!.day === day);
          return own.reduce((sum, gain) => sum + gain - mean, 0) ** 2;
        });
        const sum = squares.reduce((total, square) => total + square, 0);
        const error = Math.sqrt((sum * days.length) / (days.length - 1)) / rows.length;
        expect(found.standard_error).toBeCloseTo(error, 9);
        const { gain, standard_error, required } = found;
        expect(found.chosen).toBe(gain! > 0 && required !== null && gain! > required * standard_error!);
      }),
    );
  });

  it('chooses an own model that is better every day, none that is worse, and none with fewer than five days', () => {
    expect(pairedGain(scoresOf(drawRows(0.05, 'better')), 12).chosen).toBe(true);
    expect(pairedGain(scoresOf(drawRows(-0.05, 'worse')), 12)).toMatchObject({ chosen: false });
    const short = pairedGain(scoresOf(drawRows(0.2, 'short', 4)), 1);
    expect(short).toMatchObject({ chosen: false, days: 4, required: null });
  });

  it('requires more if more models are compared, and rarely chooses one without skill', () => {
    const required = [1, 3, 12].map((comparisons) => pairedGain(scoresOf(drawRows(0, 'none')), comparisons).required!);
    expect(required).toEqual([...required].sort((a, b) => a - b));
    expect(required[0]).toBeGreaterThan(1.645);
    const chosen = Array.from({ length: 200 }, (_, i) => pairedGain(scoresOf(drawRows(0, `draw ${i}`, 20)), 1).chosen);
    expect(chosen.filter(Boolean).length).toBeLessThan(25);
  });

  it('excludes rows without a prediction of one model', () => {
    const rows = drawRows(0.05, 'left out');
    const { own, ...others } = scoresOf(rows);
    const some = Array.from(own, (value, i) => (i % 2 === 0 ? NaN : value));
    expect(pairedGain({ ...others, own: some }, 3)).toEqual(
      pairedGain(scoresOf(rows.filter((_, i) => i % 2 === 1)), 3),
    );
    expect(pairedGain({ ...others, own: others.y.length === 0 ? [] : Array(rows.length).fill(NaN) }, 3)).toMatchObject({
      rows: 0,
      gain: null,
      own_log_loss: null,
      pooled_log_loss: null,
      chosen: false,
    });
  });
});
