import { parseInstrument } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import type { InstrumentBars } from '../instruments/instrument_bars.ts';
import type { Instrument } from '../strategies/direction/instrument_rows.ts';
import { NO_SERIES } from '../instruments/series_files.ts';
import { instrumentSubject, type RuleSubject } from './rule_subject.ts';

const HOUR = 3600;
export const FIXTURE_COSTS = { spread_bps: 0, commission_bps: 5, slippage_bps: 1 };

/**
 * Hourly bars of a random walk. @param drift what is added to the log return of a bar, by the log returns so far
 */
export function randomBars(
  seed: string,
  length: number,
  drift: (returns: readonly number[]) => number = () => 0,
): InstrumentBars {
  const rng = createRng(seed);
  const time = new Float64Array(length);
  const open = new Float64Array(length);
  const high = new Float64Array(length);
  const low = new Float64Array(length);
  const close = new Float64Array(length);
  const returns: number[] = [];
  let price = 100;
  for (let t = 0; t < length; t++) {
    time[t] = 1_700_000_000 - (1_700_000_000 % HOUR) + t * HOUR;
    open[t] = price;
    const move = drift(returns) + rng.normal() * 0.004;
    returns.push(move);
    price *= Math.exp(move);
    close[t] = price;
    high[t] = Math.max(open[t]!, price) * (1 + rng.uniform() * 0.001);
    low[t] = Math.min(open[t]!, price) * (1 - rng.uniform() * 0.001);
  }
  return {
    symbol: 'BTCUSDT',
    timeframe: HOUR,
    length,
    time,
    open,
    high,
    low,
    close,
    volume: new Float64Array(length).fill(1),
    takerBuyVolume: new Float64Array(length).fill(NaN),
  };
}

export function subjectOfBars(bars: InstrumentBars, series: Instrument['series'] = NO_SERIES): RuleSubject {
  return instrumentSubject({ bars, series }, parseInstrument('BTCUSDT@1h'), FIXTURE_COSTS);
}
