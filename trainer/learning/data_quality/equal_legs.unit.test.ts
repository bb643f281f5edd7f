import { expect, it } from 'vitest';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { parsePair } from '../../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import { findEqualLegs, refuseUnsoundLegs } from './unsound_legs.ts';

const settings = tinySettings();
const bars = tinyBars(settings);
const pairs = settings.minutehand.pairs.map(parsePair);
const eurusd = bars.get('EURUSD')!;

const changed = (symbol: string, to: (close: number, i: number) => number): BarColumns => ({
  ...eurusd,
  symbol,
  close: eurusd.close.map(to),
});

it('pairs of a market are none', () => {
  for (const { a, b } of pairs) expect(findEqualLegs(bars.get(a)!, bars.get(b)!)).toBeNull();
});

it.each([
  ['a copy', (close: number) => close],
  ['a copy in another unit', (close: number) => close * 100],
  ['the inverse quote', (close: number) => 1 / close],
  ['a copy with some other closes', (close: number, i: number) => (i % 25 === 0 ? close * 1.0001 : close)],
])('%s is refused with the pair', (_, to) => {
  const own = new Map(bars).set('GBPUSD', changed('GBPUSD', to));
  expect(() => refuseUnsoundLegs(pairs, own)).toThrow(
    expect.objectContaining({ code: 'LEGS_EQUAL', seen: expect.stringMatching(/^EURUSD_GBPUSD: \d+ of \d+ moves/) }),
  );
});

it('another source of the same market, and a few bars, are none', () => {
  expect(
    findEqualLegs(
      eurusd,
      changed('EURUSX', (close, i) => close * (1 + (i % 3) * 1e-6)),
    ),
  ).toBeNull();
  const few = { ...changed('GBPUSD', (close) => close), length: 90 };
  expect(findEqualLegs(eurusd, few)).toBeNull();
});

it('agrees with every move looked up by its time', () => {
  const other = changed('GBPUSD', (close, i) => (i % 20 === 0 ? close * 1.001 : close));
  const gaps = Int32Array.from({ length: other.length }, (_, i) => i).filter((i) => i % 7 !== 0);
  const holed: BarColumns = {
    ...other,
    length: gaps.length,
    time: Float64Array.from(gaps, (i) => other.time[i]!),
    close: Float64Array.from(gaps, (i) => other.close[i]!),
  };
  const ofB = new Map(Array.from(holed.time, (time, i) => [time, holed.close[i]!]));
  const common = Array.from(eurusd.time, (time, i) => [time, eurusd.close[i]!] as const).filter(([t]) => ofB.has(t));
  const moving = common.slice(1).map(([time, close], i) => {
    const [before, closeBefore] = common[i]!;
    return [close / closeBefore, ofB.get(time)! / ofB.get(before)!] as const;
  });
  const moves = moving.filter(([a]) => a !== 1);
  const equal = moves.filter(([a, b]) => Math.abs(a / b - 1) < 1e-9);
  expect(findEqualLegs(eurusd, holed)).toEqual({ a: 'EURUSD', b: 'GBPUSD', moves: moves.length, equal: equal.length });
});
