import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches } from './deliveries.ts';

/** The obvious definition: every way to split the key at each asterisk. */
function matchesSlowly(pattern: string, key: string): boolean {
  if (pattern === '') return key === '';
  if (pattern[0] !== '*') return key[0] === pattern[0] && matchesSlowly(pattern.slice(1), key.slice(1));
  for (let taken = 0; taken <= key.length; taken++) if (matchesSlowly(pattern.slice(1), key.slice(taken))) return true;
  return false;
}

describe('the pattern of a silence', () => {
  it('matches a key where each asterisk stands for any text', () => {
    const text = (letters: string) =>
      fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(text('ab*'), text('ab'), (pattern, key) => {
        expect(matches(pattern, key)).toBe(matchesSlowly(pattern, key));
      }),
      { numRuns: 3000 },
    );
  });

  it('gives no other character a meaning', () => {
    expect(matches('kpi_.*', 'kpi_x')).toBe(false);
    expect(matches('kpi_[ab]', 'kpi_a')).toBe(false);
    expect(matches('kpi_(a)*', 'kpi_(a):EURUSD')).toBe(true);
  });

  it('is compared in time proportional to its length, however many asterisks it has', () => {
    const startMs = performance.now();
    expect(matches(`${'*a'.repeat(99)}*b`, 'a'.repeat(2000))).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(1000);
  });
});
