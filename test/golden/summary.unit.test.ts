import { describe, expect, it } from 'vitest';
import { differencesBetween, hashOf, summaryOf, summaryText, type Summary } from './summary.ts';
import { asValue } from './values.ts';

const WHOLE = { shape: { z: 1, a: [1, 2] }, 'models list': 'two\nlines', trades: [] };
const ROUTES = { name: 'routes', figures: ['shape/z', 'shape/a/length'] };

const summaryOfRoutes = (whole: unknown): Summary => summaryOf(ROUTES, asValue(whole));

describe('the summary of a part', () => {
  it('has a hash for each member, or for each member of a member, and the figures that the part names', () => {
    const summary = summaryOfRoutes(WHOLE);
    expect(summary.sha256).toBe(hashOf(WHOLE));
    expect(summary.figures).toEqual({ 'shape/z': 1, 'shape/a/length': 2 });
    expect(Object.keys(summary.entries)).toEqual(['shape', 'models list', 'trades']);
    const deeper = summaryOf({ name: 'routes', depth: 2 }, WHOLE);
    expect(Object.keys(deeper.entries)).toEqual(['shape/z', 'shape/a', 'models list', 'trades']);
    expect(deeper.sha256).toBe(summary.sha256);
    expect(Object.keys(summaryOf({ name: 'text' }, 'no model gains a tree').entries)).toEqual(['']);
  });

  it('refuses a figure that the value does not have', () => {
    expect(() => summaryOf({ name: 'routes', figures: ['shape/gone'] }, WHOLE)).toThrow('no figure');
    expect(() => summaryOf({ name: 'routes', figures: ['shape'] }, WHOLE)).toThrow('no figure');
  });

  it('is written as JSON with many members to a line, none of them longer than a line', () => {
    const entries = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`entry ${index}`, '01234567']));
    for (const summary of [summaryOfRoutes(WHOLE), { sha256: 'a', figures: {}, entries }]) {
      const text = summaryText(summary);
      expect(JSON.parse(text)).toEqual(summary);
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    }
    expect(summaryText({ sha256: 'a', figures: {}, entries }).split('\n').length).toBeLessThan(20);
  });
});

describe('a comparison with the record', () => {
  const recorded = summaryOfRoutes(WHOLE);

  it('is equal for the same values, in any order of names', () => {
    const { shape, ...others } = WHOLE;
    expect(differencesBetween(recorded, summaryOfRoutes({ ...others, shape: { ...shape, a: [1, 2] } }))).toEqual([]);
  });

  it('names figures and entries that differ, are gone or are new', () => {
    const found = summaryOfRoutes({ shape: { z: 2, a: [1, 2] }, trades: [], 'GET /new': true });
    expect(differencesBetween(recorded, found)).toEqual([
      'shape/z: recorded 1, now 2',
      'shape: differs',
      'models list: gone',
      'GET /new: new',
    ]);
  });

  it('sees an empty list that was full, and a list that became an object', () => {
    for (const trades of [['x'], {}])
      expect(differencesBetween(recorded, summaryOfRoutes({ ...WHOLE, trades }))).toEqual(['trades: differs']);
  });
});
