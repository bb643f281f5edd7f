import { describe, expect, it } from 'vitest';
import {
  featureDefinitions,
  handWrittenDefinitions,
  PairFeatures,
  warmupBars,
  warmUpSeconds,
} from '../features/features.ts';
import { randomPair, SMALL } from '../features/features.fixture.ts';
import type { Windows } from '../features/windows.ts';
import { PairInputs } from './bar_inputs.ts';
import { FormulaEngine } from './engine.ts';
import { MAX_FORMULAS } from './limits.ts';
import { checkTogether, formulasOf, formulasText } from './named_formulas.ts';

const TEXTS = {
  far: 'abs(z_score) > 2',
  rank_of_z: 'rank(z_score, 30)',
  momentum: '(ema(a.close, 6) / a.close) - 1',
};
const formulas = formulasText(Object.entries(TEXTS).map(([name, text]) => ({ name, text })));
const windows: Windows = { ...SMALL, formulas };
const written = handWrittenDefinitions(SMALL);

describe('formulas of a schema', () => {
  it('are columns behind the hand-written ones, with their canonical text and look-back', () => {
    const definitions = featureDefinitions(windows);
    expect(definitions.slice(0, written.length)).toEqual(written);
    const z = written.find(({ name }) => name === 'z_score')!;
    expect(definitions.slice(written.length)).toMatchObject([
      { name: 'far', formula: '2 < abs(z_score)', warmup_bars: z.warmup_bars, unit: 'yes or no' },
      { name: 'rank_of_z', formula: TEXTS.rank_of_z, warmup_bars: z.warmup_bars + 29, unit: 'number' },
      { name: 'momentum', formula: TEXTS.momentum, warmup_bars: 24, unit: 'number' },
    ]);
    expect(warmupBars(windows)).toBe(z.warmup_bars + 29);
    const further = warmupBars(windows) - warmupBars(SMALL);
    expect(warmUpSeconds(windows)).toBe(warmUpSeconds(SMALL) + 4 * 60 * further);
  });

  it('have no name that is taken, or is none, and no text that cannot be computed', () => {
    for (const text of ['z_score = beta', 'x = beta\nx = corr', 'Two = beta', 'x=beta', '= beta', 'x = bta'])
      expect(() => featureDefinitions({ ...SMALL, formulas: text })).toThrow(
        expect.objectContaining({ code: 'FORMULA_NAME' }),
      );
    expect(featureDefinitions({ ...SMALL, formulas: '' })).toEqual(written);
  });

  it('have limits together: how many they are, and what they keep', () => {
    const [one] = formulasOf(windows, written);
    expect(() => checkTogether(new Array(MAX_FORMULAS).fill(one))).not.toThrow();
    expect(() => checkTogether(new Array(MAX_FORMULAS + 1).fill(one))).toThrow(/501 formulas; at most 500/);
    const large = { ...one!, formula: { ...one!.formula, doubles: 262_144 } };
    expect(() => checkTogether(new Array(9).fill(large))).toThrow(/2359296 numbers per subject; at most 2097152/);
  });
});

describe('PairFeatures with formulas', () => {
  const { a, b } = randomPair('formulas of a pair', 400, { gaps: true, quoted: true });

  /** All columns after each bar, from bar `first` on. */
  function run(own: Windows, first = 0): Float64Array[] {
    const features = new PairFeatures(own);
    return a.slice(first).map((bar, i) => {
      features.step(bar, b[first + i]!);
      expect(features.ready).toBe(i + 1 >= features.warmupBars);
      return features.values.slice();
    });
  }

  it('has the values of the engine in blocks, to the bit, and leaves the others as they were', () => {
    const engine = new FormulaEngine(formulasOf(windows, written).map(({ formula }) => formula));
    const inputs = new PairInputs(engine, written, 60);
    const state = engine.createState();
    const alone = run(SMALL);
    const together = run(windows);
    for (let begin = 0; begin < a.length; begin += 100) {
      for (let i = 0; i < 100; i++) {
        const features = alone[begin + i]!;
        inputs.write(i, { a: a[begin + i]!, b: b[begin + i]!, features, series: null });
      }
      engine.run(state, 100);
      for (let i = 0; i < 100; i++) {
        const values = together[begin + i]!;
        expect(values.subarray(0, written.length)).toEqual(alone[begin + i]);
        expect([...values.subarray(written.length)]).toEqual(engine.outputs.map((column) => column[i]));
      }
    }
    expect(together.at(-1)!.subarray(written.length).some(Number.isNaN)).toBe(false);
  });

  it('depends on the last `warmupBars` bars alone, to the bit', () => {
    const bars = warmupBars(windows);
    const whole = run(windows);
    for (const first of [1, 37, 180]) {
      const cut = run(windows, first);
      for (let i = bars - 1; i < cut.length; i++) expect(cut[i]).toEqual(whole[first + i]);
    }
  });

  it('writes what float32 cannot hold as the largest that it can', () => {
    const features = new PairFeatures({ ...SMALL, formulas: 'huge = pow(a.close / b.close * 1e30, 2)' });
    features.step(a[0]!, b[0]!);
    const row = new Float32Array(features.definitions.length);
    features.writeRow(row, 0);
    expect(row.at(-1)).toBe(Math.fround(3.4e38));
  });
});
