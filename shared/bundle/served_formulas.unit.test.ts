import { describe, expect, it } from 'vitest';
import { tinySettings } from '../../test/tiny_settings.ts';
import type { Windows } from '../core/features/windows.ts';
import { parseSubject } from '../pair.ts';
import { daemonsOf, refuseUnservedFormulas, unservedFormulas, type Serving } from './served_formulas.ts';

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

const codesOf = (own: Windows, serving: Serving): string[] => unservedFormulas(own, serving).map(({ code }) => code);

describe('formulas that serving cannot compute', () => {
  it('are none without formulas, and of the own legs, in every role', () => {
    for (const role of ['active', 'shadow', 'rollout'] as const)
      for (const own of [windows, { ...windows, formulas: 'calm = mean(z_abs, 5)' }])
        expect(unservedFormulas(own, { role, daemons })).toEqual([]);
  });

  it('are those that read a symbol of which the daemon of their pair gets no bars; a pair of another daemon counts', () => {
    expect(codesOf(OF_SYMBOL, { role: 'active', daemons })).toEqual([]);
    expect(unservedFormulas(OF_ALL, { role: 'active', daemons })).toMatchObject([
      { code: 'MODEL_SYMBOLS', seen: 'reads NZDUSD for EURUSD_GBPUSD' },
    ]);
    // Bars of files are all there.
    expect(codesOf(OF_ALL, { role: 'active', daemons: null })).toEqual([]);
    expect(codesOf(OF_ALL, { role: 'active', daemons: [[parseSubject('NZDUSD@1h')]] })).toEqual([]);
  });

  it('are those that read another symbol at all, as a shadow or a challenger', () => {
    for (const role of ['shadow', 'rollout'] as const) {
      const found = unservedFormulas(OF_SYMBOL, { role, daemons });
      expect(found).toMatchObject([{ code: 'MODEL_SYMBOLS', seen: 'reads NZDUSD' }]);
      expect(found[0]!.expected).toContain(role === 'shadow' ? 'a shadow' : 'a challenger');
    }
  });

  it('are refused with the code and the words of the first reason', () => {
    expect(() => refuseUnservedFormulas('20260101_0000', OF_ALL, { role: 'active', daemons })).toThrow(
      expect.objectContaining({ code: 'MODEL_SYMBOLS', seen: '20260101_0000 reads NZDUSD for EURUSD_GBPUSD' }) as Error,
    );
    expect(() => refuseUnservedFormulas('a training', windows, { role: 'active', daemons })).not.toThrow();
  });
});
