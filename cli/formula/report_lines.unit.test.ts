import { describe, expect, it } from 'vitest';
import { symbolSources } from '../../shared/core/formula/sources.ts';
import { distributionOf } from '../../trainer/learning/formula_trial/distribution.ts';
import { histogram, timePicture } from './report_lines.ts';
import { marked, readFormula } from './read_formula.ts';

describe('a fault of a formula', () => {
  it('is marked below its position, in its line', () => {
    expect(marked('close + clse', 9)).toBe('  close + clse\n          ^');
    expect(marked('mean(\n\tclse, 5)', 8)).toBe('  \tclse, 5)\n  \t^');
    expect(marked('', 1)).toBe('  \n  ^');
  });

  it('has its code and the name that was meant', () => {
    const notes: string[] = [];
    const read = (): unknown => readFormula('meen(close, 5)', symbolSources(), (text) => notes.push(text));
    expect(read).toThrow(expect.objectContaining({ code: 'FORMULA_NAME', seen: expect.stringContaining('"mean"') }));
    expect(notes).toEqual(['  meen(close, 5)\n  ^']);
  });
});

describe('the distribution', () => {
  it('leaves out what is missing', () => {
    const found = distributionOf(Float64Array.of(NaN, 3, 1, 2, NaN, 4, 5));
    expect(found).toEqual({
      bars: 7,
      values: 5,
      mean: 3,
      std: Math.sqrt(2.5),
      quantiles: [1, 1, 1, 2, 3, 4, 5, 5, 5],
    });
    expect(distributionOf(Float64Array.of(NaN))).toMatchObject({ values: 0, mean: null, quantiles: null });
  });

  it('is drawn with its outer values in the outer bars', () => {
    const lines = histogram(Float64Array.of(-9, 0, 0.5, 11.5, 99, NaN), 0, 12);
    expect(lines).toHaveLength(12);
    expect(lines[0]).toBe(` 0 ┤${'█'.repeat(48)} 60.0 %`);
    expect(lines[11]).toBe(`11 ┤${'█'.repeat(32)} 40.0 %`);
    expect(lines[5]).toBe(' 5 ┤ 0.0 %');
  });
});

describe('the picture over time', () => {
  it('rises where the values rise, and is empty where they are missing', () => {
    const values = Float64Array.from({ length: 7200 }, (_, i) => (i < 3600 ? NaN : i));
    const rows = timePicture(values, 3600, 7199);
    expect(rows).toHaveLength(12);
    expect(rows[0]).toMatch(/^7199 ┤ {69}│?[│•]{2,3}$/);
    expect(rows[11]).toMatch(/^3600 ┤ {36}[│•]{3}$/);
  });

  it('draws a constant', () => {
    const rows = timePicture(new Float64Array(100).fill(5), 5, 5);
    expect(rows[11]).toBe(`5 ┤${'•'.repeat(72)}`);
  });
});
