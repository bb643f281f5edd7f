import { describe, expect, it } from 'vitest';
import { createRng } from '../../../rng.ts';
import { SERIES, SERIES_NAMES } from '../../series/series_names.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions, type InstrumentWindows } from './definitions.ts';
import { InstrumentFeatures, type InstrumentBar } from './instrument_features.ts';
import { slowInstrumentFeatures, type ObservedBar } from './instrument_features.oracle.ts';

const HOUR = 3600;
const SMALL: InstrumentWindows = {
  rsi_window: 4,
  bollinger_window: 6,
  atr_window: 3,
  short_window: 5,
  medium_window: 9,
  long_window: 14,
};

/** Hourly bars with gaps, unknown volumes, constant stretches, and series that begin, end and are missing. */
function randomBars(seed: string, bars: number): ObservedBar[] {
  const rng = createRng(seed);
  let time = 1_700_000_000 - (1_700_000_000 % HOUR);
  let price = 100;
  return Array.from({ length: bars }, (_, i) => {
    time += HOUR * (rng.uniform() < 0.05 ? 1 + rng.integer(30) : 1);
    const isConstant = i % 90 >= 60 && i % 90 < 80;
    const open = price;
    if (!isConstant) price *= Math.exp(0.01 * rng.normal());
    const wick = isConstant ? 0 : 0.2 * rng.uniform();
    const volume = rng.uniform() < 0.01 ? 0 : 10 + 50 * rng.uniform();
    const bar: InstrumentBar = {
      time,
      high: Math.max(open, price) + wick,
      low: Math.min(open, price) - wick,
      close: price,
      volume,
      takerBuyVolume: rng.uniform() < 0.02 ? NaN : volume * rng.uniform(),
    };
    const values: Record<string, number> = {
      funding_rate: 1e-4 * rng.normal(),
      open_interest: 1000 * (1 + 0.1 * rng.uniform()),
      buy_liquidations: rng.uniform() < 0.3 ? 0 : rng.uniform(),
      sell_liquidations: rng.uniform() < 0.3 ? 0 : rng.uniform(),
      order_book_imbalance: 2 * rng.uniform() - 1,
      long_short_ratio: 0.5 + rng.uniform(),
      sentiment: 100 * rng.uniform(),
    };
    const isMissing = (name: string): boolean => (name === 'open_interest' ? i % 100 < 10 : rng.uniform() < 0.01);
    return { bar, series: SERIES.map(({ name }) => (isMissing(name) ? NaN : values[name]!)) };
  });
}

function stepAll(features: InstrumentFeatures, bars: readonly ObservedBar[]): void {
  for (const { bar, series } of bars) features.step(bar, Float64Array.from(series));
}

describe('InstrumentFeatures', () => {
  it('has the published names', () => {
    const names = instrumentDefinitions(INSTRUMENT_WINDOWS).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'buy_liquidation_ratio',
        'sell_liquidation_ratio',
        'liquidation_imbalance',
        'market_sentiment_score',
        'funding_rate',
        'open_interest_change',
        'volume_imbalance',
        'order_book_imbalance',
      ]),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it('equals the slow definitions at every bar, through gaps, unknown volumes and missing series', () => {
    const bars = randomBars('oracle', 400);
    const features = new InstrumentFeatures(SMALL, HOUR);
    bars.forEach(({ bar, series }, i) => {
      features.step(bar, Float64Array.from(series));
      const slow = slowInstrumentFeatures(bars.slice(Math.max(0, i - 40), i + 1), SMALL, HOUR);
      features.definitions.forEach(({ name }, column) => {
        const own = features.values[column]!;
        const expected = slow[name]!;
        const isNear = Math.abs(own - expected) <= 1e-9 * Math.max(1, Math.abs(expected));
        if (!(isNear || (Number.isNaN(own) && Number.isNaN(expected))))
          throw new Error(`${name} of bar ${i} is ${own}, expected ${expected}`);
      });
    });
  });

  it('is a function of the last bars to the bit, wherever the run began', () => {
    const bars = randomBars('restart', 300);
    const whole = new InstrumentFeatures(SMALL, HOUR);
    stepAll(whole, bars);
    for (const from of [100, 217, 300 - whole.warmupBars]) {
      const late = new InstrumentFeatures(SMALL, HOUR);
      stepAll(late, bars.slice(from));
      expect(late.values).toEqual(whole.values);
      expect(late.ready).toBe(true);
    }
  });

  it('has every value of a complete market once it is warm, and none earlier than stated', () => {
    const bars = randomBars('warm', 120).slice(0, 60);
    const complete = bars.map(({ bar }) => ({
      bar: { ...bar, volume: 5, takerBuyVolume: 2 },
      series: SERIES_NAMES.map((_, i) => 1 + 0.01 * (bar.time % (7 + i))),
    }));
    const features = new InstrumentFeatures(SMALL, HOUR);
    expect([features.warmupBars, features.ready, new Set(features.values)]).toEqual([15, false, new Set([NaN])]);
    complete.forEach(({ bar, series }, i) => {
      features.step(bar, Float64Array.from(series));
      expect(features.ready).toBe(i + 1 >= 15);
      features.definitions.forEach(({ name, warmup_bars }, column) =>
        expect(Number.isNaN(features.values[column]!), `${name} at bar ${i + 1}`).toBe(i + 1 < warmup_bars),
      );
    });
  });

  it('has no value of what is missing: a series of 0 has no logarithm, a bar without volume no flow', () => {
    const [, ...bars] = randomBars('missing', 40).slice(0, 25);
    const features = new InstrumentFeatures(SMALL, HOUR);
    const at = (name: string): number => features.values[features.definitions.findIndex((own) => own.name === name)]!;
    const series = (value: number) => Float64Array.from(SERIES_NAMES, () => value);
    for (const { bar } of bars) features.step({ ...bar, close: 100, volume: 0, takerBuyVolume: 1 }, series(0));
    for (const name of ['long_short_ratio', 'open_interest_change', 'open_interest_price_correlation', 'overheat'])
      expect(at(name), name).toBeNaN();
    for (const name of ['volume_imbalance', 'volume_imbalance_short', 'volume_spike', 'buy_liquidation_ratio'])
      expect(at(name), name).toBeNaN();
    // Of a constant price and a constant series; without that series it is missing.
    expect(at('funding_price_correlation')).toBe(0);
    const last = bars.at(-1)!.bar;
    features.step({ ...last, close: 100, time: last.time + HOUR }, series(NaN));
    expect(at('funding_price_correlation')).toBeNaN();
  });

  it('refuses bars out of order, off its timeframe, and values of other series', () => {
    const [first, second] = randomBars('refuse', 2) as [ObservedBar, ObservedBar];
    const features = new InstrumentFeatures(SMALL, HOUR);
    const none = new Float64Array(SERIES.length).fill(NaN);
    const refusal = (bar: InstrumentBar, after: string) =>
      new RangeError(`bar at ${bar.time} after slot ${after} of 3600 s`);
    const early = { ...first.bar, time: first.bar.time + 60 };
    expect(() => features.step(early, none)).toThrow(refusal(early, '-Infinity'));
    expect(() => features.step(first.bar, new Float64Array(2))).toThrow(new RangeError('2 series values, expected 7'));
    features.step(second.bar, none);
    const slot = String(second.bar.time / HOUR);
    for (const { bar } of [first, second]) expect(() => features.step(bar, none)).toThrow(refusal(bar, slot));
    expect(() => new InstrumentFeatures(SMALL, 1.5)).toThrow(/timeframe is 1.5/);
    expect(() => new InstrumentFeatures(SMALL, 0)).toThrow(/timeframe is 0/);
  });
});
