import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSymbol } from '../symbol_source.ts';
import { NO_SYMBOL_NAMES, parseSymbol, readSymbol, spellSubject, type SymbolNames } from './symbol.ts';

const BROKER: SymbolNames = {
  aliases: { GOLD: 'XAUUSD', 'US Tech': 'NSXUSD', US500: 'SPXUSD' },
  prefixes: ['FTMO_', 'ICMarkets-Live_'],
  suffixes: ['.m', 'm', '-ECN', '.pro', '#', '_i'],
  known: new Set(['EURUSD', 'XAUUSD']),
};

function symbolsOf(names: readonly string[], rules = NO_SYMBOL_NAMES): (string | null)[] {
  return names.map((name) => readSymbol(name, rules).symbol);
}

describe('A name', () => {
  it('of one symbol is that symbol in every spelling', () => {
    const btc = ['BTCUSDT', 'btcusdt', 'BTC/USDT', 'btc/usdt', 'BTC-USDT', 'BTC/USDT:USDT', ' BTCUSDT '];
    expect(new Set(symbolsOf(btc))).toEqual(new Set(['BTCUSDT']));
    expect(symbolsOf(['EUR/USD', 'eur-usd', 'EUR_USD', 'XAU/USD'])).toEqual(['EURUSD', 'EURUSD', 'EURUSD', 'XAUUSD']);
    expect(symbolsOf(['BRK.B', 'brk.b', 'US30', '1000PEPEUSDT'])).toEqual(['BRK.B', 'BRK.B', 'US30', '1000PEPEUSDT']);
  });

  it('of a dated contract is never that of the perpetual', () => {
    const dated = ['BTCUSDT_250328', 'btcusdt-250328', 'BTC-USDT-250328', 'BTC/USDT:USDT-250328', 'BTCUSDT.250328'];
    expect(new Set(symbolsOf(dated))).toEqual(new Set(['BTCUSDT.250328']));
    expect(readSymbol('BTCUSDT_251399').symbol).toBeNull();
  });

  it('of a contract that ends on a day with the name of a month is dated as well, and an option is none', () => {
    expect(symbolsOf(['BTC-27JUN25', 'btc-27jun25', 'BTCUSDT-27JUN25', 'BTC-USDT-250627'])).toEqual([
      ...['BTC.250627', 'BTC.250627', 'BTCUSDT.250627', 'BTCUSDT.250627'],
    ]);
    expect(symbolsOf(['BTC-31FEB25', 'BTC-27JUN25-100000-C'])).toEqual([null, null]);
  });

  it('with a point between two currencies is the pair, unless the configuration has it so', () => {
    expect(symbolsOf(['EUR.USD', 'btc.usdt', 'BRK.B'])).toEqual(['EURUSD', 'BTCUSDT', 'BRK.B']);
    expect(symbolsOf(['EUR.USD'], { ...NO_SYMBOL_NAMES, known: new Set(['EUR.USD']) })).toEqual(['EUR.USD']);
  });

  it('with something of a broker’s is not guessed, and the refusal names what it may be', () => {
    for (const name of ['EURUSDm', 'EURUSD.m', 'EURUSD.r', 'EURUSD.pro', 'eurusdm', '#EURUSD', 'EURUSD#', 'EURUSD_i']) {
      const reading = readSymbol(name);
      expect(reading.symbol, name).toBeNull();
      expect(reading, name).toMatchObject({ candidates: expect.arrayContaining(['EURUSD']) as unknown });
    }
    expect(() => parseSymbol('GBPUSD-ECN', '--symbol')).toThrow(/--symbol GBPUSD-ECN .*one of: GBPUSD/);
  });

  it('is mapped by configured aliases, prefixes and suffixes', () => {
    const names = ['EURUSDm', 'EURUSD.M', 'GBPUSD-ECN', 'gbpusd-ecn', 'FTMO_XAUUSD.pro', 'gold', 'US500', 'EURUSD_i'];
    const symbols = ['EURUSD', 'EURUSD.M', 'GBPUSD', 'GBPUSD', 'XAUUSD', 'XAUUSD', 'SPXUSD', 'EURUSD'];
    expect(symbolsOf(names, BROKER)).toEqual(symbols);
    // A symbol of the configuration is not cut.
    expect(symbolsOf(['STERLm'], { ...BROKER, known: new Set(['STERLM']) })).toEqual(['STERL']);
  });

  it('that is a path, a device, a look-alike or overlong is no symbol', () => {
    const hostile = [
      '../X',
      '/etc/passwd',
      'C:\\X',
      '..',
      '.',
      'A..B',
      '.A',
      'A.',
      'CON',
      'nul',
      'COM1',
      'aux.csv',
      '',
    ];
    const alike = [
      'ЕURUSD',
      'ＥＵＲＵＳＤ',
      'EUR\u2215USD',
      'A\0B',
      'A\nB',
      'EURUSD m',
      'A'.repeat(41),
      '%2e%2e',
      'A%00',
    ];
    for (const name of [...hostile, ...alike]) expect(readSymbol(name).symbol, JSON.stringify(name)).toBeNull();
  });

  it('from outside never becomes a symbol that leaves a folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        for (const rules of [NO_SYMBOL_NAMES, BROKER]) {
          const { symbol } = readSymbol(text, rules);
          if (symbol !== null) expect(isSymbol(symbol)).toBe(true);
        }
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

describe('A subject', () => {
  it('is spelled leg by leg, with its timeframe', () => {
    expect(spellSubject('eur/usd_gbp/usd@1H')).toBe('EURUSD_GBPUSD@1h');
    expect(spellSubject('BTC-USDT@1h')).toBe('BTCUSDT@1h');
    expect(spellSubject('EURUSDm_GOLD', BROKER)).toBe('EURUSD_XAUUSD');
    const known = { ...NO_SYMBOL_NAMES, known: new Set(['BTCUSDT', 'ETHUSDT']) };
    expect(['btc_usdt@1h', 'BTCUSDT_ETHUSDT', 'BTCUSDT_250328'].map((text) => spellSubject(text, known))).toEqual([
      ...['BTCUSDT@1h', 'BTCUSDT_ETHUSDT', 'BTCUSDT.250328'],
    ]);
    expect(spellSubject('BTC_ETH', NO_SYMBOL_NAMES, 'pair')).toBe('BTC_ETH');
    expect(spellSubject('BTC_ETH', NO_SYMBOL_NAMES, 'instrument')).toBe('BTCETH');
    for (const text of ['audusd/nzdusd', 'AUDUSD-NZDUSD', 'AUDUSD:nzdusd'])
      expect(spellSubject(`${text}@5M`), text).toBe('AUDUSD_NZDUSD@5m');
    expect(spellSubject('us500/nas100', { ...NO_SYMBOL_NAMES, known: new Set(['US500', 'NAS100']) })).toBe(
      'US500_NAS100',
    );
    expect(['BTC/USDT', 'BTC-USDT', 'EUR/USD'].map((text) => spellSubject(text))).toEqual([
      'BTCUSDT',
      'BTCUSDT',
      'EURUSD',
    ]);
    expect(spellSubject('../X_EURUSD')).toBe('../X_EURUSD');
  });
});
