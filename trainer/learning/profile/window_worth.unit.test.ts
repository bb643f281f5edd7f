import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { windowWorth, type WindowWorth } from './window_worth.ts';

const BLOCKS = 240;
const ROWS_PER_BLOCK = 40;
const BINS = 5;
const MINUTES = 1440;

/** Cells of values in five bins of [−1, 1], and below and above. */
function worthOf(next: (row: number) => number): WindowWorth[] {
  const inCell = Array.from({ length: BINS }, () => new Float64Array(BLOCKS));
  for (let row = 0; row < BLOCKS * ROWS_PER_BLOCK; row++) {
    const bin = Math.max(0, Math.min(BINS - 1, Math.floor((next(row) + 1.25) * 2)));
    inCell[bin]![Math.floor(row / ROWS_PER_BLOCK)]!++;
  }
  return windowWorth(inCell, new Float64Array(BLOCKS).fill(ROWS_PER_BLOCK), MINUTES);
}

/** Autoregressive, of unit variance. @param rows half-life */
function autoregressive(rows: number, seed: string): () => number {
  const rng = createRng(seed);
  const kept = 0.5 ** (1 / rows);
  let value = rng.normal();
  return () => {
    value = kept * value + Math.sqrt(1 - kept * kept) * rng.normal();
    return value;
  };
}

describe('windowWorth', () => {
  it('has windows of 1, 2, 4 … blocks, at most a quarter of all', () => {
    const lengths = worthOf(autoregressive(1, 'lengths')).map(({ minutes }) => minutes / MINUTES);
    expect(lengths).toEqual([1, 2, 4, 8, 16, 32]);
  });

  it('of independent rows are all of them, in as many directions as bins are free, at every length', () => {
    const rng = createRng('independent');
    const worth = worthOf(() => rng.normal());
    for (const { effective_rows, modes } of worth.slice(0, 4)) {
      expect(effective_rows / (BLOCKS * ROWS_PER_BLOCK)).toBeGreaterThan(0.7);
      expect(modes).toBeGreaterThan(2.8);
      expect(modes).toBeLessThanOrEqual(BINS - 1);
    }
  });

  it('of one slow change are its spells, in one direction, which short windows do not show', () => {
    const rng = createRng('spells');
    // A state of eight days in which the values are high or low.
    let state = 0;
    const spell = 8 * ROWS_PER_BLOCK;
    const worth = worthOf((row) => {
      if (row % spell === 0) state = rng.uniform() < 0.5 ? -1 : 1;
      return 0.5 * state + 0.4 * rng.normal();
    });
    const short = worth[0]!;
    const long = worth[5]!;
    expect(short.effective_rows / long.effective_rows).toBeGreaterThan(2.5);
    expect(long.modes).toBeLessThan(1.6);
  });

  it('of a sum of two time scales are fewer at long windows, and in fewer directions than of one', () => {
    const fast = autoregressive(0.5, 'fast');
    const slow = autoregressive(3.5 * ROWS_PER_BLOCK, 'slow');
    const sum = worthOf(() => 0.9 * fast() + 0.45 * slow());
    const one = worthOf(autoregressive(0.25 * ROWS_PER_BLOCK, 'one'));
    const fall = (worth: readonly WindowWorth[]): number => worth[0]!.effective_rows / worth[4]!.effective_rows;
    expect(fall(sum)).toBeGreaterThan(2 * fall(one));
    expect(sum[4]!.modes).toBeLessThan(one[4]!.modes);
  });

  it('leaves out blocks without rows, and has none where nothing varies', () => {
    const inBlock = new Float64Array(20).map((_, block) => (block % 2 === 0 ? 5 : 0));
    expect(windowWorth([inBlock.slice(), new Float64Array(20)], inBlock, MINUTES)).toEqual([]);
  });
});
