import { describe, expect, it } from 'vitest';
import { NO_SYMBOL_NAMES } from '../symbol/symbol.ts';
import { MinutehandError } from '../errors.ts';
import { configuredSubject, knownSubject } from './known_subject.ts';

const KNOWN = ['EURUSD_GBPUSD', 'XAUUSD_XAGUSD', 'BTCUSDT@1h'];
const NAMES = {
  ...NO_SYMBOL_NAMES,
  known: new Set(['EURUSD', 'GBPUSD', 'XAUUSD', 'XAGUSD', 'BTCUSDT']),
  aliases: { GOLD: 'XAUUSD', SILVER: 'XAGUSD' },
  suffixes: ['.pro'],
};

describe('knownSubject', () => {
  it.each([
    ['EURUSD_GBPUSD', 'EURUSD_GBPUSD'],
    ['eur/usd_gbp/usd', 'EURUSD_GBPUSD'],
    ['gold_silver', 'XAUUSD_XAGUSD'],
    ['EURUSD.pro_GBPUSD.pro', 'EURUSD_GBPUSD'],
    ['btc-usdt@1H', 'BTCUSDT@1h'],
    ['btcusdt', 'BTCUSDT@1h'],
    ['BTC/USDT', 'BTCUSDT@1h'],
  ])('%s is %s', (text, id) => expect(knownSubject(text, KNOWN, NAMES)).toBe(id));

  it.each([
    ['EURUSD_GBUSD', 'EURUSD_GBUSD', 'perhaps EURUSD_GBPUSD'],
    ['USDJPY', 'USDJPY', KNOWN.join(', ')],
    ['', '""', KNOWN.join(', ')],
    ['..', '..', KNOWN.join(', ')],
  ])('“%s” is refused with the nearest, or all', (text, seen, expected) => {
    const refused = (() => {
      try {
        return knownSubject(text, KNOWN, NAMES);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(MinutehandError);
    expect(refused).toMatchObject({ code: 'PAIR_UNKNOWN', seen, expected });
  });

  it('needs the timeframe where several are configured, and takes no other one than is given', () => {
    const several = [...KNOWN, 'BTCUSDT@4h'];
    expect(configuredSubject('btcusdt', several, NAMES)).toBeNull();
    expect(configuredSubject('btcusdt@4h', several, NAMES)).toBe('BTCUSDT@4h');
    expect(configuredSubject('btcusdt@1d', KNOWN, NAMES)).toBeNull();
    expect(configuredSubject('EURUSD_GBPUSD', ['EURUSD_GBPUSD', 'EURUSD_GBPUSD@5m'], NAMES)).toBe('EURUSD_GBPUSD');
    expect(() => knownSubject('btcusdt', several, NAMES)).toThrow(/perhaps BTCUSDT@1h, BTCUSDT@4h/);
  });

  it('shows no endless list', () => {
    const many = Array.from({ length: 100 }, (_, i) => `AAA${i}_BBB${i}`);
    expect(() => knownSubject('ZZZZ', many, NAMES)).toThrow(/AAA0_BBB0, .*AAA11_BBB11 or one of 88 more\.$/);
  });
});
