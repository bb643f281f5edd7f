import { describe, expect, it } from 'vitest';
import { parseInstrument } from '../../../pair.ts';
import { createRng } from '../../../rng.ts';
import { instrumentInputs } from '../../formula/bar_inputs.ts';
import { FormulaBlock } from '../../formula/formula_block.ts';
import { instrumentFormulasOf } from '../../formula/named_formulas.ts';
import { SERIES_NAMES } from '../../series/series_names.ts';
import { instrumentDefinitions, type InstrumentWindows } from './definitions.ts';
import { InstrumentColumns, instrumentColumns, instrumentWarmUp } from './instrument_columns.ts';
import { InstrumentFeatures } from './instrument_features.ts';

const WRITTEN: InstrumentWindows = {
  rsi_window: 6,
  bollinger_window: 8,
  atr_window: 6,
  short_window: 8,
  medium_window: 12,
  long_window: 20,
};
const WINDOWS: InstrumentWindows = {
  ...WRITTEN,
  formulas: `steep = close / mean(close, 30) - 1
rank_of_rsi = rank(rsi, 25)
of_eth for ETHUSDT@1h = delay(close, 40) / close
funding = mean(coalesce(series("funding_rate"), 0), 5)`,
};
const BTC = parseInstrument('BTCUSDT@1h');
const ETH = parseInstrument('ETHUSDT@1h');

/** Hourly bars with gaps, and the series known at each close. */
function market(length: number) {
  const rng = createRng('columns of an instrument');
  let close = 100;
  let hour = 500_000;
  return Array.from({ length }, () => {
    hour += rng.uniform() < 0.1 ? 3 : 1;
    const open = close;
    close *= Math.exp(0.01 * rng.normal());
    const bar = {
      time: hour * 3600,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume: 1 + rng.uniform(),
      takerBuyVolume: rng.uniform(),
    };
    return { bar, series: Float64Array.from(SERIES_NAMES, () => (rng.uniform() < 0.2 ? NaN : rng.normal())) };
  });
}
const BARS = market(160);

function run(windows: InstrumentWindows, instrument = BTC, first = 0): Float64Array[] {
  const columns = new InstrumentColumns(windows, instrument);
  return BARS.slice(first).map(({ bar, series }, i) => {
    columns.step(bar, series);
    expect(columns.ready).toBe(i + 1 >= columns.warmupBars);
    return columns.values.slice();
  });
}

describe('InstrumentColumns', () => {
  it('has the hand-written features alone where there are no formulas', () => {
    const features = new InstrumentFeatures(WRITTEN, 3600);
    const wanted = BARS.map(({ bar, series }) => {
      features.step(bar, series);
      return features.values.slice();
    });
    expect(run(WRITTEN)).toEqual(wanted);
    expect(instrumentColumns(WRITTEN)).toEqual(instrumentDefinitions(WRITTEN));
    expect(instrumentWarmUp(WRITTEN)).toBe(features.warmupBars);
    // A minute is the usual bar.
    expect(new InstrumentColumns(WRITTEN, parseInstrument('BTCUSDT')).warmupBars).toBe(features.warmupBars);
  });

  it('has formulas behind them, with the bits of formulas in blocks, missing where they are for another', () => {
    const written = run(WRITTEN);
    const all = run(WINDOWS);
    const width = written[0]!.length;
    const definitions = instrumentColumns(WINDOWS);
    expect(definitions.slice(width).map(({ name }) => name)).toEqual(['steep', 'rank_of_rsi', 'of_eth', 'funding']);
    const own = instrumentDefinitions(WRITTEN);
    const block = new FormulaBlock(instrumentFormulasOf(WINDOWS, own), BTC, instrumentInputs(own));
    expect(block.readsSeries).toBe(true);
    BARS.forEach(({ bar, series }, t) => block.add({ bar, features: written[t]!, series }));
    block.run();
    const out = new Float64Array(4);
    for (const [t, values] of all.entries()) {
      block.read(t, out);
      expect(values.subarray(0, width)).toEqual(written[t]);
      expect(values.subarray(width)).toEqual(out);
      expect(values[width + 2]).toBeNaN();
    }
    expect(run(WINDOWS, ETH).at(-1)![width + 2]).not.toBeNaN();
    expect([...all.at(-1)!.subarray(width)].map(Number.isNaN)).toEqual([false, false, true, false]);
  });

  it('is, after its own warm-up, a pure function of that many last bars, to the bit', () => {
    const { warmupBars } = new InstrumentColumns(WINDOWS, BTC);
    expect(warmupBars).toBeLessThan(new InstrumentColumns(WINDOWS, ETH).warmupBars);
    expect(instrumentWarmUp(WINDOWS)).toBe(new InstrumentColumns(WINDOWS, ETH).warmupBars);
    const whole = run(WINDOWS);
    for (const first of [1, 33]) {
      const cut = run(WINDOWS, BTC, first);
      for (let t = warmupBars - 1; t < cut.length; t++) expect(cut[t]).toEqual(whole[first + t]);
    }
  });
});
