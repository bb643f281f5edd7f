import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { SCENARIOS, scenariosOfPrices } from '../../splits/scenarios.ts';
import { generatedInstrument } from './direction_scenarios.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';

const HOUR = 3600;

/** Hours of a rising market. */
function risingBars(length: number): InstrumentBars {
  const rng = createRng('rising');
  const open = new Float64Array(length);
  const close = new Float64Array(length);
  let price = 100;
  for (let t = 0; t < length; t++) {
    open[t] = price;
    close[t] = price *= Math.exp(0.001 + 0.01 * rng.normal());
  }
  const top = close.map((own, t) => Math.max(own, open[t]!) * (1 + 0.002 * rng.uniform()));
  const low = close.map((own, t) => Math.min(own, open[t]!) * (1 - 0.002 * rng.uniform()));
  const volume = close.map(() => 1 + rng.uniform());
  return {
    symbol: 'UP',
    timeframe: HOUR,
    length,
    time: close.map((_, t) => 1_600_000_000 + t * HOUR),
    open,
    high: top,
    low,
    close,
    volume,
    takerBuyVolume: volume.map((own) => own / 2),
  };
}

describe('generatedInstrument', () => {
  const instrument = { bars: risingBars(3000), series: NO_SERIES };
  const made = Object.fromEntries(
    SCENARIOS.map((scenario) => [scenario, generatedInstrument(instrument, scenario, 'seed').bars]),
  );

  it('has the market of its scenario, whatever market its moves are from', () => {
    const shareOf = (name: string, value: number): number => {
      const { trend } = scenariosOfPrices(made[name]!.close.map(Math.log), HOUR);
      const known = trend.filter((own) => own !== 2);
      return known.filter((own) => own === value).length / known.length;
    };
    expect(shareOf('bull', 1)).toBeGreaterThan(0.6);
    expect(shareOf('bear', -1)).toBeGreaterThan(0.6);
    expect(shareOf('range', 0)).toBeGreaterThan(0.6);
    const size = (name: string): number => {
      const { close } = made[name]!;
      const moves = close.slice(1).map((own, t) => Math.log(own / close[t]!));
      return Math.sqrt(moves.reduce((sum, own) => sum + own * own, 0) / moves.length);
    };
    expect(size('high_volatility') / size('low_volatility')).toBeGreaterThan(3.5);
  });

  it('has possible bars, one after the other, and is the same for the same seed', () => {
    for (const scenario of SCENARIOS) {
      const { length, time, open, high, low, close, volume } = made[scenario]!;
      for (let t = 0; t < length; t++) {
        expect(high[t]!).toBeGreaterThanOrEqual(Math.max(open[t]!, close[t]!));
        expect(low[t]!).toBeLessThanOrEqual(Math.min(open[t]!, close[t]!));
        if (t > 0) expect([time[t]! - time[t - 1]!, open[t]]).toEqual([HOUR, close[t - 1]]);
        expect(volume[t]).toBeGreaterThan(0);
      }
      expect(generatedInstrument(instrument, scenario, 'seed').bars).toEqual(made[scenario]);
      expect(generatedInstrument(instrument, scenario, 'other').bars.close).not.toEqual(made[scenario]!.close);
    }
  });
});
