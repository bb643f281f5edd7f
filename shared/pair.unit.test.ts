import { describe, expect, it } from 'vitest';
import { tinySettings } from '../test/tiny_settings.ts';
import { featureSchema } from './bundle/feature_schema.ts';
import { pairLabel, parsePair } from './pair.ts';

describe('a pair id', () => {
  it('names the timeframe behind the symbols, and none for one minute', () => {
    expect(parsePair('XAUUSD_XAGUSD')).toEqual({ id: 'XAUUSD_XAGUSD', a: 'XAUUSD', b: 'XAGUSD' });
    const hourly = parsePair('XAUUSD_XAGUSD@1h');
    expect(hourly).toEqual({ id: 'XAUUSD_XAGUSD@1h', a: 'XAUUSD', b: 'XAGUSD', barSeconds: 3600 });
    expect(pairLabel(hourly)).toBe('XAU/USD vs XAG/USD 1h');
  });

  it.each(['A_B@1m', 'A_B@7m', 'A_B@1w', 'A_B@', 'A@1h', 'A_A@1h', 'A_B@1h@1h', 'A_B_C'])('%s is refused', (id) => {
    expect(() => parsePair(id)).toThrow(RangeError);
  });
});

describe('the feature schema', () => {
  const hashOf = (pairs: string[]): string =>
    featureSchema(tinySettings({ minutehand: { pairs } }).minutehand.windows).hash;

  it('depends on the timeframes of the pairs, and not on one minute alone', () => {
    const { timeframes, ...windows } = tinySettings().minutehand.windows as { timeframes?: string } & Parameters<
      typeof featureSchema
    >[0];
    expect(timeframes).toBeUndefined();
    expect(hashOf(['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'])).toBe(featureSchema(windows).hash);
    const hashes = [['A_B'], ['A_B@1h'], ['A_B@5m'], ['A_B', 'A_B@1h']].map(hashOf);
    expect(new Set(hashes).size).toBe(4);
    expect(hashOf(['C_D@1h', 'A_B'])).toBe(hashes[3]);
  });
});
