import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance } from './edit_distance.ts';

/** By its definition: from both ends of the words. */
function reference(one: string, other: string): number {
  if (one === '' || other === '') return one.length + other.length;
  const a = one.slice(1);
  const b = other.slice(1);
  if (one[0] === other[0]) return reference(a, b);
  return 1 + Math.min(reference(a, b), reference(a, other), reference(one, b));
}

const word = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), maxLength });

describe('editDistance', () => {
  it.each([
    ['kitten', 'sitting', 3],
    ['intention', 'execution', 5],
    ['EURUSD', 'ERUUSD', 2],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['', '', 0],
    ['max_age_bars', 'max_age_bars', 0],
  ])('of %j and %j is %i', (one, other, edits) => {
    expect(editDistance(one, other)).toBe(edits);
  });

  it('is that of the definition', () => {
    fc.assert(fc.property(word(6), word(6), (a, b) => editDistance(a, b) === reference(a, b)));
  });

  it('is a metric', () => {
    fc.assert(
      fc.property(word(20), word(20), word(20), (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });

  it('is 1 after a letter was inserted or replaced', () => {
    fc.assert(
      fc.property(word(20), fc.nat(), (text, at) => {
        const from = at % (text.length + 1);
        expect(editDistance(text, `${text.slice(0, from)}x${text.slice(from)}`)).toBe(1);
        expect(editDistance(text, `${text.slice(0, from)}x${text.slice(from + 1)}`)).toBe(1);
      }),
    );
  });
});
