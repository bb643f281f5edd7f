import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCurrency, isPairForm, QUOTED } from './currencies.ts';
import { nearSymbols } from './near_symbols.ts';

/** Symbols that brokers and exchanges really have. */
const REAL =
  'EURUSD GBPUSD AUDUSD NZDUSD USDCAD USDCHF USDJPY USDSGD USDPHP USDIDR USDCLP GBPNZD EURNOK EURSEK CHFJPY CADJPY XAUUSD XAGUSD XAUEUR XBRUSD XTIUSD XNGUSD XCUUSD UKOUSD USOUSD BTCUSD BTCUSDT ETHUSD ETHUSDT ETHBTC SOLUSDT LTCUSD LTCUSDT XRPUSDT US30 US500 NAS100 GER40 GER30 UK100 AAPL GOOG GOOGL BRK.B ESZ5 ESH6 SPXUSD BCOUSD WTIUSD'.split(
    ' ',
  );

describe('a new symbol', () => {
  it('is near the one that a slip made of it', () => {
    for (const [misspelt, meant] of [
      ['GPBUSD', 'GBPUSD'],
      ['GBOUSD', 'GBPUSD'],
      ['EURUDS', 'EURUSD'],
      ['ERUUSD', 'EURUSD'],
      ['EUUSD', 'EURUSD'],
      ['EURRUSD', 'EURUSD'],
      ['XAUSUD', 'XAUUSD'],
      ['USDJYP', 'USDJPY'],
    ] as const)
      expect(nearSymbols(misspelt, []), misspelt).toContain(meant);
    expect(nearSymbols('BTCUDST', ['BTCUSDT'])).toEqual(['BTCUSDT']);
    expect(nearSymbols('BTCUDST', [])).toEqual([]);
    expect(nearSymbols('GBOUSD', ['GBRUSD'])[0]).toBe('GBRUSD');
  });

  it('that is real is near none, whatever else is known', () => {
    for (const symbol of REAL) expect(nearSymbols(symbol, REAL), symbol).toEqual([]);
  });

  it('with letters of a broker’s at an end is no slip: these are asked about elsewhere', () => {
    for (const symbol of ['EURUSDM', 'EURUSDX', 'MEURUSD']) expect(nearSymbols(symbol, ['EURUSD'])).toEqual([]);
  });

  it('is near every symbol of which two letters changed places, unless that is a symbol as well', () => {
    const code = fc.constantFrom(...QUOTED);
    fc.assert(
      fc.property(code, code, fc.nat(4), (base, quote, at) => {
        const meant = base + quote;
        const swapped = meant.slice(0, at) + meant[at + 1]! + meant[at]! + meant.slice(at + 2);
        const near = nearSymbols(swapped, [meant]);
        const isOwn = swapped === meant || isPairForm(swapped) || near.length === 0;
        if (!isOwn) expect(near).toContain(meant);
        if (near.length === 0 && swapped !== meant)
          expect(
            [swapped.slice(0, 3), swapped.slice(3)].every((one) => isCode(one)),
            swapped,
          ).toBe(true);
      }),
    );
  });
});

function isCode(text: string): boolean {
  return isCurrency(text) || Intl.supportedValuesOf('currency').includes(text);
}
