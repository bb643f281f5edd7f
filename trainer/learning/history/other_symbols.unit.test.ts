import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf, copyBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { columnsOfOthers, OtherBars, otherSymbolsOf, withOtherBars } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import type { Bar, OpenTime } from '../../../shared/bar.ts';
import { parsePair } from '../../../shared/pair.ts';
import { buildPairHistory } from './pair_history.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_models.ts';
import { featureDefinitions, PairFeatures, warmupBars } from '../../../shared/core/features/features.ts';
import { bits } from '../../../shared/core/formula/formula.fixture.ts';
import { parseOtherSymbol } from '../../../shared/core/formula/other_symbols.ts';

const settings = tinySettings();
const PAIR = parsePair('XAUUSD_XAGUSD');
const FORMULAS = [
  'lead = log(symbol("EURUSD").close / delay(symbol("EURUSD").close, 5))',
  'both = corr(delta(log(a.close)), delta(log(symbol("EURUSD").close)), 30)',
  'busy = symbol("AUDUSD").volume / mean(symbol("AUDUSD").volume, 20)',
].join('\n');
const windows = { ...settings.minutehand.windows, formulas: FORMULAS };
const bars = tinyBars(settings, 700);

/** The bars of a symbol without those at some places. */
function thinned(symbol: string, isDropped: (i: number) => boolean, of: BarColumns = bars.get('XAUUSD')!): BarColumns {
  const rows: Bar[] = [];
  for (let i = 0; i < of.length; i++) {
    if (isDropped(i)) continue;
    const open = of.open[i]!;
    const high = of.high[i]!;
    const low = of.low[i]!;
    const close = of.close[i]!;
    const time = of.time[i]! as OpenTime;
    rows.push({ symbol, time, open, high, low, close, volume: i % 7 === 0 ? 0 : 1 + (i % 11), spread: close / 1e4 });
  }
  return columnsOf(symbol, rows);
}

const market = (dropped: (i: number) => boolean): ReadonlyMap<string, BarColumns> =>
  new Map([
    ['XAUUSD', bars.get('XAUUSD')!],
    ['XAGUSD', bars.get('XAGUSD')!],
    ['EURUSD', thinned('EURUSD', dropped, bars.get('XAGUSD')!)],
    ['AUDUSD', thinned('AUDUSD', (i) => i % 5 === 2)],
  ]);

function historyOf(known: ReadonlyMap<string, BarColumns>, end = Infinity) {
  const own = withOtherBars(known, windows);
  const a = legBars(own, PAIR, 'a')!;
  const cut = copyBars(a, 0, Math.min(end, a.length));
  return buildPairHistory(PAIR, cut, legBars(own, PAIR, 'b')!, windows, () => true);
}

describe('bars of other symbols', () => {
  it('has the bits of the bar of the minute before, or is missing: bar by bar, in blocks, and of a part alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 0, max: 39 }), fc.nat(300), (every, at, later) => {
        const known = market((i) => i % every === at % every);
        const history = historyOf(known);
        const columns = featureDefinitions(windows).length;
        const engine = new PairFeatures(windows, PAIR);
        const slow = new Map([...known].map(([symbol, own]) => [symbol, indexOf(own)]));
        const a = known.get('XAUUSD')!;
        const b = slow.get('XAGUSD')!;
        let t = 0;
        for (let i = 0; i < a.length; i++) {
          const time = a.time[i]!;
          const legB = b.get(time);
          if (legB === undefined) continue;
          const others = engine.others.map((source) => fieldAt(source, slow, time - 60));
          engine.step(slow.get('XAUUSD')!.get(time)!, legB, null, Float64Array.from(others));
          if (!engine.ready) continue;
          const row = history.row[t]! * columns;
          const expected = bits([...Float32Array.from(engine.values)]);
          expect(bits([...history.features.subarray(row, row + columns)])).toEqual(expected);
          t++;
        }
        expect(t).toBe(history.length);
        // Later bars change nothing, and a part has what the whole has.
        const end = warmupBars(windows) + later;
        const part = historyOf(known, end);
        expect(bits([...part.features])).toEqual(bits([...history.features.subarray(0, part.features.length)]));
      }),
      { numRuns: 6 },
    );
  });

  it('is joined in the timeframe of the subject, by bars that were made of its own minutes', () => {
    const pair = parsePair('XAUUSD_XAGUSD@5m');
    const known = withOtherBars(
      market((i) => i % 3 === 0),
      windows,
    );
    const a = legBars(known, pair, 'a')!;
    const other = a.others!.get('EURUSD')!;
    const minutes = known.get('EURUSD')!;
    const values = new OtherBars(['symbol("EURUSD").high'], a.others, 300);
    for (let i = 0; i < a.length - 1; i++) {
      const time = a.time[i]!;
      const own = [...minutes.high].filter((_, j) => minutes.time[j]! > time - 600 && minutes.time[j]! <= time - 300);
      expect(values.at(time)[0]).toBe(own.length === 0 ? NaN : Math.max(...own));
    }
    expect(other.length).toBeLessThan(minutes.length / 2);
  });

  it('is DATA_MISSING where nobody has looked for the symbol, or it has no bar at all', () => {
    const two = new Map([...bars].filter(([symbol]) => symbol === 'XAUUSD' || symbol === 'XAGUSD'));
    expect(() => withOtherBars(two, windows)).toThrow(expect.objectContaining({ code: 'DATA_MISSING' }) as Error);
    const a = bars.get('XAUUSD')!;
    const b = bars.get('XAGUSD')!;
    expect(() => buildPairHistory(PAIR, a, b, windows, () => true)).toThrow(
      expect.objectContaining({ code: 'DATA_MISSING' }) as Error,
    );
    expect(() =>
      new PairFeatures(windows, PAIR).step(indexOf(a).get(a.time[0]!)!, indexOf(b).get(b.time[0]!)!),
    ).toThrow('formulas read other symbols, whose bars were not given');
  });

  it('adds nothing to bars where no formula reads another symbol', () => {
    expect(withOtherBars(bars, settings.minutehand.windows)).toBe(bars);
    expect(otherSymbolsOf(settings.minutehand.windows)).toEqual([]);
    expect(otherSymbolsOf(windows).toSorted()).toEqual(['AUDUSD', 'EURUSD']);
    expect(columnsOfOthers(windows)).toEqual(['lead', 'both', 'busy']);
  });
});

function indexOf(columns: BarColumns): ReadonlyMap<number, Bar> {
  const { symbol, time, open, high, low, close, volume, spread } = columns;
  return new Map(
    Array.from(time.subarray(0, columns.length), (at, i) => {
      const prices = { open: open[i]!, high: high[i]!, low: low[i]!, close: close[i]!, volume: volume[i]! };
      const quoted = spread === null || Number.isNaN(spread[i]!) ? {} : { spread: spread[i]! };
      return [at, { symbol, time: at as OpenTime, ...prices, ...quoted }];
    }),
  );
}

/** The obvious join. */
function fieldAt(source: string, bySymbol: ReadonlyMap<string, ReadonlyMap<number, Bar>>, time: number): number {
  const { symbol, field } = parseOtherSymbol(source)!;
  const bar = bySymbol.get(symbol)!.get(time);
  const value = bar?.[field as 'close'] ?? NaN;
  return field === 'volume' && value === 0 ? NaN : value;
}
