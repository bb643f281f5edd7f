import { exp, ln } from '../../../shared/elementary.ts';
import type { Rng } from '../../../shared/ports.ts';
import { meanOf } from '../../../shared/statistics.ts';
import type { Scenario } from '../splits/scenarios.ts';

/** Move of a rising or falling market over the bars of its trend, in standard deviations. */
const TREND_SIGMAS = 3;
const FACTORS: Readonly<Partial<Record<Scenario, number>>> = { high_volatility: 2, low_volatility: 0.5 };

/** Prices of bars of any kind: [bars]. */
export interface Prices {
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
}

export interface GeneratedPlan {
  readonly scenario: Scenario;
  /** Bars over which a rising or falling market moves by `TREND_SIGMAS`. */
  readonly trendBars: number;
  /** Part of its distance from the start by which the price of a range comes back, per bar. */
  readonly returnShare: number;
}

/**
 * Draws the recorded bar whose move each generated bar has: blocks of consecutive ones in random order, so that
 * volatility keeps its clusters.
 * @param recorded number of recorded bars, at least 2; the first has no move
 * @param block bars that are drawn together
 * @returns [length], from 1 to recorded − 1
 */
export function drawBars(rng: Rng, length: number, recorded: number, block: number): Int32Array {
  const moves = recorded - 1;
  let move = 0;
  return Int32Array.from({ length }, (_, t) => {
    move = t % block === 0 ? rng.integer(moves) : (move + 1) % moves;
    return move + 1;
  });
}

/**
 * Prices of a generated market: the moves of the drawn bars without the mean of all, to which a scenario adds a drift,
 * a pull back to the start, or another size. Bars keep the reach of their high and low.
 * @param drawn recorded bar of each generated one, as `drawBars` draws them
 */
export function generatedPrices(recorded: Prices, drawn: Int32Array, plan: GeneratedPlan): Prices {
  const { open, high, low, close } = recorded;
  const { scenario, trendBars, returnShare } = plan;
  const moves = Float64Array.from({ length: close.length - 1 }, (_, i) => ln(close[i + 1]! / close[i]!));
  const mean = meanOf(moves);
  const sigma = Math.sqrt(moves.reduce((sum, own) => sum + (own - mean) ** 2, 0) / moves.length);
  const direction = scenario === 'bull' ? 1 : scenario === 'bear' ? -1 : 0;
  const drift = (direction * TREND_SIGMAS * sigma) / Math.sqrt(trendBars);
  const factor = FACTORS[scenario] ?? 1;
  const column = (): Float64Array => new Float64Array(drawn.length);
  const made = { open: column(), high: column(), low: column(), close: column() };
  const start = ln(close[0]!);
  let price = start;
  for (const [t, own] of drawn.entries()) {
    const pull = scenario === 'range' ? returnShare * (price - start) : 0;
    made.open[t] = exp(price);
    price += factor * (moves[own - 1]! - mean) + drift - pull;
    made.close[t] = exp(price);
    const top = Math.max(open[own]!, close[own]!);
    const bottom = Math.min(open[own]!, close[own]!);
    made.high[t] = Math.max(made.open[t]!, made.close[t]!) * (1 + factor * (high[own]! / top - 1));
    made.low[t] = Math.min(made.open[t]!, made.close[t]!) / (1 + factor * (bottom / low[own]! - 1));
  }
  return made;
}
