import { describe, expect, it } from 'vitest';
import { inputDescriptionSchema } from '../../../shared/bundle/input_novelty.ts';
import { createRng } from '../../../shared/rng.ts';
import { describeInputs, type DescribedColumn, type DescribedRows } from './input_description.ts';
import { rowNovelties } from './row_novelties.ts';

const DEFINITIONS: readonly DescribedColumn[] = [
  { name: 'calm', isUsed: true },
  { name: 'two_states', isUsed: true },
  { name: 'of_others', isUsed: false },
  { name: 'constant', isUsed: true },
  { name: 'often_missing', isUsed: true },
];
const COLUMNS = DEFINITIONS.length;

/** Rows of one market; `shift` moves the first column. */
function rowsOf(rows: number, seed: string, shift = 0): DescribedRows {
  const rng = createRng(seed);
  const values = new Float32Array(rows * COLUMNS);
  for (let row = 0; row < rows; row++) {
    const state = rng.uniform() < 0.3 ? 5 : -5;
    const missing = rng.uniform() < 0.1 ? NaN : rng.normal();
    values.set([rng.normal() + shift, state + rng.normal(), 1000 * rng.normal(), 3, missing], row * COLUMNS);
  }
  return { x: { rows, columns: COLUMNS, values }, time: Float64Array.from({ length: rows }, (_, row) => 60 * row) };
}

const described = describeInputs(rowsOf(4000, 'training'), DEFINITIONS, 'seed')!;

function shareBelow(novelties: Float64Array | null, limit: number): number {
  return novelties!.filter((novelty) => novelty < limit).length / novelties!.length;
}

describe('the description of training rows', () => {
  it('is of the columns that the model may use and that vary, as a manifest has it', () => {
    expect(inputDescriptionSchema.parse(described)).toEqual(described);
    expect(described.columns).toEqual(['calm', 'two_states', 'often_missing']);
    expect(described.missing).toEqual([8, 8, 0]);
    expect(described.centers.length).toBe(16);
  });

  it('gives new rows of the same market uniform novelties, and those of another one small ones', () => {
    const same = rowNovelties(rowsOf(4000, 'later').x, described, DEFINITIONS);
    for (const limit of [0.05, 0.25, 0.5, 0.75]) expect(shareBelow(same, limit)).toBeCloseTo(limit, 1);
    expect(shareBelow(same, 0.01)).toBeLessThan(0.02);
    const other = rowNovelties(rowsOf(1000, 'other', 6).x, described, DEFINITIONS);
    expect(shareBelow(other, 0.01)).toBeGreaterThan(0.9);
    // Between the two states there were few rows.
    const between = { rows: 1, columns: COLUMNS, values: Float32Array.of(0, 0, 0, 3, 0) };
    expect(rowNovelties(between, described, DEFINITIONS)![0]).toBeLessThan(0.1);
    expect(rowNovelties(between, null, DEFINITIONS)).toBeNull();
  });

  it('is the same for the same rows and seed', () => {
    expect(describeInputs(rowsOf(4000, 'training'), DEFINITIONS, 'seed')).toEqual(described);
    expect(describeInputs(rowsOf(4000, 'training'), DEFINITIONS, 'another')).not.toEqual(described);
  });

  it('does not exist of few rows, without a column that varies, or of rows of one moment', () => {
    expect(describeInputs(rowsOf(199, 'few'), DEFINITIONS, 'seed')).toBeNull();
    expect(describeInputs(rowsOf(400, 'constant'), [{ name: 'calm', isUsed: false }], 'seed')).toBeNull();
    const { x } = rowsOf(400, 'moment');
    expect(describeInputs({ x, time: new Float64Array(400) }, DEFINITIONS, 'seed')).toBeNull();
  });

  it('has a center for each kind of row where there are few kinds', () => {
    const x = { rows: 400, columns: 1, values: Float32Array.from({ length: 400 }, (_, row) => row % 2) };
    const time = Float64Array.from({ length: 400 }, (_, row) => 60 * row);
    const few = describeInputs({ x, time }, DEFINITIONS.slice(0, 1), 'seed')!;
    expect(few.centers.length).toBe(2);
    for (const novelty of rowNovelties(x, few, DEFINITIONS.slice(0, 1))!) expect(novelty).toBeCloseTo(1, 9);
  });
});
