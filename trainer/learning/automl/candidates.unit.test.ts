import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { handWrittenDefinitions } from '../../../shared/core/features/features.ts';
import { parseFormula } from '../../../shared/core/formula/formula.ts';
import { pairSources } from '../../../shared/core/formula/sources.ts';
import { candidatesOf, GENERATORS, WINDOW_BARS } from './candidates.ts';

const { windows } = loadSettings({ env: {} }).minutehand;
const all = { generators: GENERATORS, windowBars: WINDOW_BARS, most: 1e6, seed: 1, windows };

describe('candidatesOf', () => {
  it('has formulas of all kinds without a unit, each once by name and by text, none of them a column', () => {
    const candidates = candidatesOf(all);
    const written = handWrittenDefinitions(windows);
    const sources = pairSources(written);
    const names = candidates.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(candidates.map(({ text }) => text)).size).toBe(names.length);
    expect(written.filter(({ name }) => names.includes(name))).toEqual([]);
    for (const { text, bars } of candidates)
      expect(parseFormula(text, sources)).toMatchObject({ unit: 'number', text, bars });
    const counts = GENERATORS.map((own) => candidates.filter(({ generator }) => generator === own).length);
    expect(Math.min(...counts)).toBeGreaterThan(2);
    expect(counts[0]).toBeGreaterThan(400);
  });

  it('is thinned by the seed, in the same order, and repeats itself', () => {
    const whole = candidatesOf(all);
    const some = candidatesOf({ ...all, most: 50 });
    expect(some).toHaveLength(50);
    expect(whole.filter(({ name }) => some.some((own) => own.name === name))).toEqual(some);
    expect(candidatesOf({ ...all, most: 50 })).toEqual(some);
    expect(candidatesOf({ ...all, most: 50, seed: 2 })).not.toEqual(some);
  });
});
