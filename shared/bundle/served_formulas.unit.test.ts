import { describe, expect, it } from 'vitest';
import { tinySettings } from '../../test/tiny_settings.ts';
import { parseSubject } from '../pair.ts';
import { daemonsOf, refuseUnservedFormulas, unservedFormulas } from './served_formulas.ts';

const settings = tinySettings({
  minutehand: {
    pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'],
    instruments: ['NZDUSD@1h'],
    shards: { main: ['XAUUSD_XAGUSD', 'NZDUSD@1h'], other: ['EURUSD_GBPUSD'] },
  },
});
const { windows } = settings.minutehand;
const OF_SYMBOL = { ...windows, formulas: 'lead for XAUUSD_XAGUSD = delta(log(symbol("NZDUSD").close), 5)' };
const OF_ALL = { ...windows, formulas: 'lead = delta(log(symbol("NZDUSD").close), 5)' };
const daemons = daemonsOf(settings);

describe('formulas that serving cannot compute', () => {
  it('are none without formulas, and of the own legs', () => {
    for (const own of [windows, { ...windows, formulas: 'calm = mean(z_abs, 5)' }])
      expect(unservedFormulas(own, daemons)).toBeNull();
  });

  it('are those that read a symbol of which the daemon of their pair gets no bars; a pair of another daemon counts', () => {
    expect(unservedFormulas(OF_SYMBOL, daemons)).toBeNull();
    expect(unservedFormulas(OF_ALL, daemons)).toMatchObject({
      code: 'MODEL_SYMBOLS',
      seen: 'reads NZDUSD for EURUSD_GBPUSD',
    });
    // Bars of files are all there.
    expect(unservedFormulas(OF_ALL, null)).toBeNull();
    expect(unservedFormulas(OF_ALL, [[parseSubject('NZDUSD@1h')]])).toBeNull();
  });

  it('are refused with the code and the words of the reason', () => {
    expect(() => refuseUnservedFormulas('20260101_0000', OF_ALL, daemons)).toThrow(
      expect.objectContaining({ code: 'MODEL_SYMBOLS', seen: '20260101_0000 reads NZDUSD for EURUSD_GBPUSD' }) as Error,
    );
    expect(() => refuseUnservedFormulas('a training', windows, daemons)).not.toThrow();
  });
});
