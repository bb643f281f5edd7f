import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { featureDefinitions } from '../../../shared/core/features/features.ts';
import { createRng } from '../../../shared/rng.ts';
import { tinySettings } from '../../../test/tiny_models.ts';
import {
  blocksOf,
  featureProfile,
  featureProfileSchema,
  watchedColumns,
  type ProfiledRows,
} from './feature_profile.ts';

const definitions = featureDefinitions(tinySettings().minutehand.windows);
const Z_ONLY = definitions.filter(({ name }) => name === 'z_score');
const PAIRS = ['AAA_BBB', 'CCC_DDD'];
const LOOK_BACK = 80;

/** Rows of z_score alone, a minute apart. */
function rowsOf(z: readonly number[], pair: (row: number) => number = () => 0): ProfiledRows {
  return {
    x: { rows: z.length, columns: 1, values: Float32Array.from(z) },
    time: Float64Array.from(z, (_, row) => row * 60),
    pair: Int32Array.from(z, (_, row) => pair(row)),
  };
}

function profileOfZ(rows: ProfiledRows) {
  return featureProfile(rows, Z_ONLY, PAIRS, LOOK_BACK).features[0]!;
}

describe('featureProfile', () => {
  it('counts every row in the bin it belongs to, the missing ones in the last', () => {
    const value = fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.float({ noNaN: true, min: -4, max: 4 }),
      fc.constant(NaN),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), (z) => {
        const own = Array.from(Float32Array.from(z));
        const { edges, total, by_pair } = profileOfZ(rowsOf(z, (row) => row % 2));
        const bin = (x: number): number =>
          Number.isNaN(x) ? edges.length + 1 : edges.filter((edge) => edge < x).length;
        const counted = (rows: readonly number[]): number[] =>
          Array.from({ length: edges.length + 2 }, (_, b) => rows.filter((x) => bin(x) === b).length);
        expect(total.counts).toEqual(counted(own));
        expect(by_pair.map(({ counts }) => counts)).toEqual(
          [0, 1].map((pair) => counted(own.filter((_, row) => row % 2 === pair))),
        );
        const known = own.filter((x) => !Number.isNaN(x));
        if (known.length > 0) expect(total.mean).toBeCloseTo(known.reduce((sum, x) => sum + x, 0) / known.length, 6);
        else expect(total.mean).toBeNull();
        expect([...edges].sort((a, b) => a - b)).toEqual(edges);
        expect(new Set(edges).size).toBe(edges.length);
      }),
    );
  });

  it('has ten bins of equal shares where the values allow it, with their mean and standard deviation', () => {
    const rng = createRng('profile/normal');
    const { total, edges } = profileOfZ(rowsOf(Array.from({ length: 10_000 }, () => 3 + 2 * rng.normal())));
    expect(edges).toHaveLength(9);
    for (const count of total.counts.slice(0, 10)) expect(Math.abs(count - 1000)).toBeLessThan(10);
    expect(total.counts.at(-1)).toBe(0);
    expect(total.mean).toBeCloseTo(3, 1);
    expect(total.std).toBeCloseTo(2, 1);
  });

  it('counts independent rows fully, and repeated rows as fewer', () => {
    const rng = createRng('profile/effective');
    const fresh = profileOfZ(rowsOf(Array.from({ length: 12_000 }, () => rng.normal())));
    expect(fresh.total.effective_rows).toBeGreaterThan(6000);
    let value = 0;
    const slow = profileOfZ(
      rowsOf(Array.from({ length: 12_000 }, (_, row) => (row % 100 === 0 ? (value = rng.normal()) : value))),
    );
    expect(slow.total.effective_rows).toBeGreaterThan(60);
    expect(slow.total.effective_rows).toBeLessThan(240);
  });

  it('survives empty or constant columns, and no rows', () => {
    const constant = profileOfZ(rowsOf(Array<number>(2000).fill(1)));
    expect(constant).toMatchObject({ edges: [1], total: { counts: [2000, 0, 0], mean: 1, std: 0 } });
    expect(constant.total.effective_rows).toBeLessThanOrEqual(30);
    const missing = profileOfZ(rowsOf(Array<number>(2000).fill(NaN)));
    expect(missing).toMatchObject({ edges: [], total: { counts: [0, 2000], mean: null, std: null } });
    expect(profileOfZ(rowsOf([])).total).toMatchObject({ rows: 0, counts: [0, 0], effective_rows: 0 });
  });

  it('is plain JSON that parses to the same value', () => {
    const rng = createRng('profile/json');
    const profile = featureProfile(rowsOf(Array.from({ length: 500 }, () => rng.normal())), Z_ONLY, PAIRS, LOOK_BACK);
    expect(featureProfileSchema.parse(JSON.parse(JSON.stringify(profile)))).toEqual(profile);
  });
});

describe('watchedColumns', () => {
  it('leaves out columns that no model may use and columns of time only', () => {
    const names = watchedColumns(definitions).map((column) => definitions[column]!.name);
    expect(names).toContain('z_score');
    for (const name of ['alpha', 'spread', 'day_sin', 'week_cos']) expect(names).not.toContain(name);
  });
});

describe('blocksOf', () => {
  it('uses days where there are enough of them, and never less than the look-back', () => {
    const minutes = (count: number): number[] => Array.from({ length: count }, (_, i) => 1_700_000_000 + i * 60);
    expect(blocksOf(minutes(30 * 1440), 480).count).toBe(30);
    expect(blocksOf(minutes(7200), 480).count).toBe(15);
    expect(blocksOf(minutes(2000), 480).count).toBe(5);
    expect(blocksOf([], 480).count).toBe(0);
  });
});
