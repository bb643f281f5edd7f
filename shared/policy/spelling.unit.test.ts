import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, isSlip, nearest, nearNames } from './spelling.ts';

/** Levenshtein distance straight from its definition. */
function edits(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  if (a[0] === b[0]) return edits(a.slice(1), b.slice(1));
  return 1 + Math.min(edits(a.slice(1), b), edits(a, b.slice(1)), edits(a.slice(1), b.slice(1)));
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), maxLength: 6 });

describe('nearest', () => {
  it('is the first candidate of the smallest distance', () => {
    fc.assert(
      fc.property(word, fc.array(word, { minLength: 1, maxLength: 5 }), (wrong, candidates) => {
        const distances = candidates.map((candidate) => edits(wrong, candidate));
        const smallest = Math.min(...distances);
        expect(nearest(wrong, candidates)).toEqual({ word: candidates[distances.indexOf(smallest)], edits: smallest });
      }),
    );
  });

  it('ignores letter case, and finds nothing among nothing', () => {
    expect(nearest('Z_ENTRY', ['z_exit', 'z_entry'])).toEqual({ word: 'z_entry', edits: 0 });
    expect(nearest('x', [])).toBeUndefined();
    expect(didYouMean('x', [])).toBe('');
    expect(didYouMean('stpo', ['start', 'stop'])).toBe(' (did you mean "stop"?)');
  });
});

describe('nearNames', () => {
  const subjects = ['EURUSD_GBPUSD', 'XAUUSD_XAGUSD', 'XAUUSD', 'BTCUSDT', 'BTCUSDT@1h', 'ETHUSDT'];

  it.each([
    ['BTCUDST', ['BTCUSDT']],
    ['btcusdt', ['BTCUSDT', 'BTCUSDT@1h']],
    ['XAUUSDm', ['XAUUSD']],
    ['FTMO_EURUSD_GBPUSD', ['EURUSD_GBPUSD']],
    ['GBPUSD', ['EURUSD_GBPUSD']],
    ['USDJPY_USDCHF', []],
    ['', []],
    ['x', []],
  ])('of “%s” are %j', (word, expected) => {
    expect(nearNames(word, subjects).slice(0, expected.length || 3)).toEqual(expected);
  });

  it('are at most so many, the nearest first, each once', () => {
    const versions = ['20260101_0101', '20260101_0102', '20260101_0103', '20260101_0104', '20260101_0101'];
    expect(nearNames('20260101_0104', versions, 2)).toEqual(['20260101_0104', '20260101_0101']);
  });
});

describe('isSlip', () => {
  it('is two edits in a short word and a third of a long one', () => {
    expect([isSlip('seed', 2), isSlip('seed', 3), isSlip('theta1_initial', 4), isSlip('theta1_initial', 5)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});
