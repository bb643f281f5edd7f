import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differences } from './differences.ts';

it('names each figure that differs, and lists as a whole', () => {
  const EURUSD = { spread_bps: 0.2, commission_bps: 0.3 };
  const before = { EURUSD, GBPUSD: EURUSD, AUDUSD: EURUSD };
  const after = { EURUSD: { ...EURUSD, spread_bps: 0.5 }, GBPUSD: EURUSD, NZDUSD: EURUSD };
  expect(differences('minutehand.symbols', before, after)).toEqual([
    { key: 'minutehand.symbols.EURUSD.spread_bps', before: 0.2, after: 0.5 },
    { key: 'minutehand.symbols.AUDUSD', before: EURUSD, after: undefined },
    { key: 'minutehand.symbols.NZDUSD', before: undefined, after: EURUSD },
  ]);
  expect(differences('core.no_entry_windows', ['a'], ['a', 'b'])).toEqual([
    { key: 'core.no_entry_windows', before: ['a'], after: ['a', 'b'] },
  ]);
  expect(differences('core.news_stop', null, { close: true })).toHaveLength(1);
});

it('applied to the earlier value, the differences give the later one', () => {
  const value = fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof(fc.integer(), fc.array(fc.integer()), fc.dictionary(fc.constantFrom('x', 'y'), fc.integer())),
  );
  fc.assert(
    fc.property(value, value, (before, after) => {
      const result = structuredClone(before) as Record<string, unknown>;
      for (const { key, after: wanted } of differences('k', before, after)) {
        const [, ...path] = key.split('.');
        const last = path.pop()!;
        const place = path.reduce((at, step) => at[step] as Record<string, unknown>, result);
        if (wanted === undefined) delete place[last];
        else place[last] = wanted;
      }
      expect(result).toEqual(structuredClone(after));
    }),
  );
});
