import { exp, ln } from '../../../shared/elementary.ts';
import { createRng } from '../../../shared/rng.ts';
import type { Scenario } from '../splits/scenarios.ts';
import type { InstrumentBars } from './instrument_bars.ts';
import type { Instrument } from './instrument_rows.ts';
import { NO_SERIES } from './series_files.ts';

/** Bars of a generated market. */
const BARS = 1200;
/** Consecutive bars that are drawn together, so that volatility keeps its clusters. */
const BLOCK = 24;
const DAY_S = 86_400;
/** Move over 30 days of a rising or falling market, in standard deviations. */
const DRIFT_SIGMAS = 3;
const DRIFT_DAYS = 30;
/** Part of its distance from the start by which the price of a range comes back, per bar. */
const RETURN_SHARE = 1 / 48;
const FACTORS: Readonly<Partial<Record<Scenario, number>>> = { high_volatility: 2, low_volatility: 0.5 };

/**
 * A generated market, made of an instrument's own bars: blocks of a day's moves in random order, without their
 * mean, to which a scenario adds a drift, a pull back to the start, or another size. Bars keep their volume and the
 * reach of their high and low. It has no series: what a model makes of funding or sentiment is not in it.
 */
export function generatedInstrument({ bars }: Instrument, scenario: Scenario, seed: string): Instrument {
  const length = Math.min(BARS, bars.length - 1);
  const rng = createRng(`${seed}/${scenario}/${bars.symbol}`);
  const moves = Float64Array.from({ length: bars.length - 1 }, (_, i) => ln(bars.close[i + 1]! / bars.close[i]!));
  const mean = moves.reduce((sum, own) => sum + own, 0) / moves.length;
  const sigma = Math.sqrt(moves.reduce((sum, own) => sum + (own - mean) ** 2, 0) / moves.length);
  const barsOfDrift = (DRIFT_DAYS * DAY_S) / bars.timeframe;
  const drift = scenario === 'bull' ? 1 : scenario === 'bear' ? -1 : 0;
  const factor = FACTORS[scenario] ?? 1;
  const column = (): Float64Array => new Float64Array(length);
  const made = { open: column(), high: column(), low: column(), close: column(), volume: column() };
  const taker = column();
  const start = ln(bars.close[0]!);
  let price = start;
  let source = 0;
  for (let t = 0; t < length; t++) {
    source = t % BLOCK === 0 ? rng.integer(moves.length) : (source + 1) % moves.length;
    const own = source + 1;
    const pull = scenario === 'range' ? RETURN_SHARE * (price - start) : 0;
    const open = exp(price);
    price += factor * (moves[source]! - mean) + (drift * DRIFT_SIGMAS * sigma) / Math.sqrt(barsOfDrift) - pull;
    const close = exp(price);
    const top = Math.max(bars.open[own]!, bars.close[own]!);
    const bottom = Math.min(bars.open[own]!, bars.close[own]!);
    made.open[t] = open;
    made.close[t] = close;
    made.high[t] = Math.max(open, close) * (1 + factor * (bars.high[own]! / top - 1));
    made.low[t] = Math.min(open, close) / (1 + factor * (bottom / bars.low[own]! - 1));
    made.volume[t] = bars.volume[own]!;
    taker[t] = bars.takerBuyVolume[own]!;
  }
  const { symbol, timeframe } = bars;
  const generated: InstrumentBars = {
    symbol,
    timeframe,
    length,
    time: column().map((_, t) => bars.time[0]! + t * timeframe),
    ...made,
    takerBuyVolume: taker,
  };
  return { bars: generated, series: NO_SERIES };
}
