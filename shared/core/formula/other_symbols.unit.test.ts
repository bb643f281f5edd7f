import { describe, expect, it } from 'vitest';
import { parseFormula } from './formula.ts';
import { otherSourcesOf, otherSymbolsIn, parseOtherSymbol, symbolsOfSources } from './other_symbols.ts';
import { pairRuleSources, pairSources, symbolSources } from './sources.ts';

describe('symbol("X").field', () => {
  it('is named canonically, and read back', () => {
    const { text, sources, unit } = parseFormula('a.close/ symbol ( "EURUSD" ).close', pairSources([]));
    expect([text, sources, unit]).toEqual([
      'a.close / symbol("EURUSD").close',
      ['a.close', 'symbol("EURUSD").close'],
      'number',
    ]);
    expect(parseFormula(text, pairSources([])).text).toBe(text);
    expect(parseOtherSymbol('symbol("BRK.B").volume')).toEqual({ symbol: 'BRK.B', field: 'volume' });
    expect(parseOtherSymbol('series("funding_rate")')).toBeNull();
    expect(otherSymbolsIn('x = symbol("EURUSD").low\ny = symbol("AUDUSD").high / a.open')).toEqual([
      'AUDUSD',
      'EURUSD',
    ]);
    expect(otherSymbolsIn(undefined)).toEqual([]);
    const known = [{ formula: parseFormula('symbol("B").low - symbol("A").low + symbol("B").high', symbolSources()) }];
    expect(otherSourcesOf(known)).toEqual(['symbol("A").low', 'symbol("B").high', 'symbol("B").low']);
    expect(symbolsOfSources(otherSourcesOf(known))).toEqual(['A', 'B']);
  });

  it('is refused in rules, which are served bar by bar', () => {
    expect(() => parseFormula('a.close > symbol("EURUSD").close', pairRuleSources([]))).toThrow(
      'a formula of a pair cannot read other symbols here; formulas of the models of pairs can',
    );
  });
});
