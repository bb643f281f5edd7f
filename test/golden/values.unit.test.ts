import { describe, expect, it } from 'vitest';
import { asValue, countValues, describeDifference, differencesOf } from './values.ts';

const differ = (recorded: unknown, found: unknown): string[] =>
  differencesOf(asValue(recorded), asValue(found)).map(describeDifference);

describe('a comparison with the golden record', () => {
  it('is equal for the same values, in any order of names', () => {
    const value = { a: [1, { b: null }], c: NaN, d: Float64Array.of(0.1, Infinity), e: undefined };
    expect(differ(value, { d: [0.1, Infinity], c: NaN, a: [1, { b: null }] })).toEqual([]);
    expect(countValues(asValue(value))).toBe(5);
  });

  it('names the first value that differs first, absent and new ones too', () => {
    const recorded = { trades: ['x 1', 'y 2'], sharpe: 0.1 + 0.2, gone: true };
    expect(differ(recorded, { sharpe: 0.3, trades: ['x 1', 'y 3', 'z 4'] })).toEqual([
      'trades.1: recorded "y 2", now "y 3"',
      'sharpe: recorded 0.30000000000000004, now 0.3',
      'gone: recorded true, now nothing',
      'trades.2: recorded nothing, now "z 4"',
    ]);
  });

  it('sees an empty list that was full, and a list that became an object', () => {
    expect(differ({ trades: [], theta: 1 }, { theta: 1 })).toEqual(['trades: recorded "[]", now nothing']);
    expect(differ({ trades: ['x'] }, { trades: [] })).toEqual([
      'trades.0: recorded "x", now nothing',
      'trades: recorded nothing, now "[]"',
    ]);
    expect(differ([], {})).toEqual([': recorded "[]", now "{}"']);
  });

  it('shows the part of a long text that differs', () => {
    const text = 'a'.repeat(1000);
    const [line] = differ({ body: `${text}b${text}` }, { body: `${text}c${text}` });
    expect(line!.length).toBeLessThan(400);
    expect(line).toMatch(/recorded …a+ba+…, now …a+ca+…$/);
  });

  it('refuses what JSON would drop', () => {
    expect(() => asValue({ f: () => 1 })).toThrow('no value of a record: function');
  });
});
