import { describe, expect, it } from 'vitest';
import { minuteNamed, named, numberNamed } from './named.ts';

describe('a name of the address', () => {
  const known = ['BTCUSDT', 'BTCUSDT@1h', 'EURUSD_GBPUSD'];

  it('is the one that exists, letter case aside', () => {
    expect(named('BTCUSDT', known)).toEqual({ kind: 'known', name: 'BTCUSDT' });
    expect(named('btcusdt@1H', known)).toEqual({ kind: 'known', name: 'BTCUSDT@1h' });
    expect(named('btcusdt', ['EURUSD_GBPUSD', 'BTCUSDT@1h'])).toEqual({ kind: 'known', name: 'BTCUSDT@1h' });
    expect(named('btcusdt', ['BTCUSDT@4h', 'BTCUSDT@1h'])).toMatchObject({ kind: 'unknown' });
    expect(named('', known)).toEqual({ kind: 'none' });
    expect(named(null, known)).toEqual({ kind: 'none' });
  });

  it('is unknown, with the nearest, instead of another one', () => {
    expect(named('BTCUDST', known)).toEqual({ kind: 'unknown', asked: 'BTCUDST', near: ['BTCUSDT'] });
    expect(named('USDJPY', known)).toEqual({ kind: 'unknown', asked: 'USDJPY', near: [] });
    expect(named('a', ['A', 'a '])).toMatchObject({ kind: 'known', name: 'A' });
    expect(named('xy', ['XY', 'Xy'])).toMatchObject({ kind: 'unknown', near: ['XY', 'Xy'] });
  });

  it('is a number only where it is an allowed one', () => {
    const hours = [2, 6, 24];
    const read = (text: string | null) => numberNamed(text, 6, hours);
    expect([read(null), read(''), read('24'), read('7'), read('abc'), read('-6'), read('1e999')]).toEqual([
      6,
      6,
      24,
      null,
      null,
      null,
      null,
    ]);
  });

  it('is a minute in UTC unless a zone is named', () => {
    const at = Date.UTC(2024, 0, 5, 8, 30) / 1000;
    for (const text of ['2024-01-05T08:30Z', '2024-01-05 08:30', '2024-01-05T08:30:00.000Z', '2024-01-05T10:30+02:00'])
      expect([text, minuteNamed(text)]).toEqual([text, at]);
    for (const text of ['abc', '2024-13-05 08:30', '2024-01-05', '1704443400', ''])
      expect(minuteNamed(text)).toBeNull();
  });
});
