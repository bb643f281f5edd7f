import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import type { Grid } from './cross_correlation.ts';
import { findForesight, refuseForesight } from './foresight.ts';
import { columnSkills, refuseImplausibleColumns } from './implausible.ts';

const HOUR_S = 3600;
const BARS = 6000;
const rng = createRng('foresight');

function grid(values: ArrayLike<number>): Grid {
  return { from: 480_000 * HOUR_S, step: HOUR_S, values: Float64Array.from(values) };
}

/** ln closes with spells of unrest, and an open interest that grows with the size of the moves of its own bar. */
const market = ((): { closes: Float64Array; openInterest: Float64Array; volatility: Float64Array } => {
  const closes = new Float64Array(BARS);
  const openInterest = new Float64Array(BARS);
  const volatility = new Float64Array(BARS);
  let spell = 0;
  for (let t = 1; t < BARS; t++) {
    spell = 0.95 * spell + 0.3 * rng.normal();
    const move = 0.004 * Math.exp(spell / 2) * rng.normal();
    closes[t] = closes[t - 1]! + move;
    openInterest[t] = openInterest[t - 1]! + 20 * move + 30 * Math.abs(move) * rng.normal() + 0.1 * rng.normal();
    volatility[t] = spell;
  }
  return { closes, openInterest, volatility };
})();
const closes = grid(market.closes);

function ahead(hours: number, of: (move: number) => number = (move) => move): Grid {
  return grid(market.closes.map((now, t) => of((market.closes[t + hours] ?? NaN) - now)));
}

function later(values: Float64Array, hours: number): Grid {
  return grid(values.map((_, t) => values[t + hours] ?? NaN));
}

describe('a series', () => {
  it('that moves with its market or after it has no foresight, nor has one that states its present unrest', () => {
    expect(findForesight(grid(market.openInterest), closes)).toBeNull();
    expect(findForesight(later(market.openInterest, -3), closes)).toBeNull();
    expect(findForesight(grid(market.volatility), closes)).toBeNull();
    expect(findForesight(grid(market.closes.map(() => rng.normal())), closes)).toBeNull();
  });

  it('that is a price, or wanders on its own, has no foresight in any length of history', () => {
    let found = 0;
    for (const length of [800, 1800, 5000])
      for (let seed = 0; seed < 25; seed++) {
        const own = createRng(`wander ${length} ${seed}`);
        let price = 0;
        let other = 0;
        const prices = Float64Array.from({ length }, () => (price += 0.006 * own.normal()));
        const others = prices.map(() => (other += own.normal()));
        for (const level of [prices, prices.map((value) => 100 * Math.exp(value)), others])
          if (findForesight(grid(level), grid(prices)) !== null) found++;
      }
    expect(found).toBe(0);
  });

  it.each([1, 2, 6, 24])('that peeks %i hours is found with that lag', (hours) => {
    expect(findForesight(later(market.openInterest, hours), closes)).toMatchObject({ aheadSeconds: hours * HOUR_S });
  });

  it.each([1, 3, 12, 24])('that states the next %i hours, their sign alone, or both in noise, is found', (hours) => {
    const sd = 0.004 * Math.sqrt(hours) * 1.3;
    for (const series of [ahead(hours), ahead(hours, Math.sign), ahead(hours, (move) => move + 2 * sd * rng.normal())])
      expect(findForesight(series, closes)).toMatchObject({ of: 'returns', aheadSeconds: hours * HOUR_S });
    expect(findForesight(ahead(hours, Math.abs), closes)).not.toBeNull();
  });

  it('that states the next 24 hours on three days in ten of nine months, and noise on the others, is mostly found', () => {
    let found = 0;
    for (let seed = 0; seed < 10; seed++) {
      const own = createRng(`part ${seed}`);
      const prices = new Float64Array(270 * 24);
      for (let t = 1; t < prices.length; t++) prices[t] = prices[t - 1]! + 0.006 * own.normal();
      let knows = false;
      let noise = 0;
      const series = prices.map((now, t) => {
        if (t % 24 === 0) knows = own.uniform() < 0.3;
        noise = 0.9 * noise + 0.0128 * own.normal();
        return knows && t + 24 < prices.length ? prices[t + 24]! - now : noise;
      });
      if (findForesight(grid(series), grid(prices))?.of === 'returns') found++;
    }
    expect(found).toBeGreaterThanOrEqual(8);
  });

  it('is refused with its name and how far it looks', () => {
    expect(() => refuseForesight('open_interest', 'BTCUSDT', later(market.openInterest, 6), closes)).toThrow(
      expect.objectContaining({
        code: 'SERIES_FORESIGHT',
        seen: expect.stringMatching(/^open_interest moves 6 h before BTCUSDT/),
      }),
    );
    expect(() => refuseForesight('open_interest', 'BTCUSDT', grid(market.openInterest), closes)).not.toThrow();
  });
});

describe('a column', () => {
  const rows = 20_000;
  const y = Float64Array.from({ length: rows }, () => (rng.uniform() < 0.4 ? 1 : 0));
  const of = (value: (label: number) => number): Float32Array => Float32Array.from(y, value);
  const skillOf = (values: Float32Array): number =>
    columnSkills({ x: { rows, columns: 1, values }, y, names: ['one'] })[0]!.auc;

  it('of noise has an AUC near one half, whatever its share of missing values', () => {
    expect(skillOf(of(() => rng.normal()))).toBeLessThan(0.52);
    expect(skillOf(of(() => (rng.uniform() < 0.5 ? NaN : rng.normal())))).toBeLessThan(0.52);
  });

  it('that is the label is known by its values, its absence, or its size', () => {
    expect(skillOf(of((label) => label))).toBe(1);
    expect(skillOf(of((label) => -label))).toBe(1);
    expect(skillOf(of((label) => (label === 1 ? NaN : rng.normal())))).toBe(1);
    expect(skillOf(of((label) => (label === 1 ? 1 : 3) * (rng.uniform() < 0.5 ? 1 : -1)))).toBeGreaterThan(0.99);
  });

  it('with the AUC of two normal classes a deviation apart is given that AUC', () => {
    expect(skillOf(of((label) => label + rng.normal()))).toBeCloseTo(0.76, 1);
  });

  it('above the bound is refused by name, the worst first', () => {
    const values = new Float32Array(3 * rows);
    for (let i = 0; i < rows; i++) values.set([rng.normal(), y[i]! + rng.normal(), y[i]!], 3 * i);
    const skills = columnSkills({ x: { rows, columns: 3, values }, y, names: ['noise', 'hint', 'label'] });
    expect(() => refuseImplausibleColumns(skills, 0.7, 'table.csv')).toThrow(
      expect.objectContaining({
        code: 'FEATURE_FORESIGHT',
        seen: expect.stringMatching(/^table\.csv: label with an AUC of 1\.000, hint with an AUC of 0\.7\d+$/),
      }),
    );
  });
});
