import { exp, ln } from '../../../shared/elementary.ts';
import type { Rng } from '../../../shared/ports.ts';

/** Net results of single trades, mean 0: symmetrical, heavy-tailed, and with losses rarer and larger than gains. */
export const TRADE_SHAPES = {
  normal: (rng: Rng) => rng.normal(),
  /** Student’s t with 3 degrees of freedom. */
  heavy: (rng: Rng) => {
    let squares = 0;
    for (let i = 0; i < 3; i++) squares += rng.normal() ** 2;
    return rng.normal() / Math.sqrt(squares / 3);
  },
  /** Skewness −1. */
  skewed: (rng: Rng) => {
    let sum = 4;
    for (let i = 0; i < 4; i++) sum += ln(1 - rng.uniform());
    return sum;
  },
  /** Skewness −2. */
  exponential: (rng: Rng) => 1 + ln(1 - rng.uniform()),
  /** Skewness −1.8 and heavy-tailed. */
  lognormal: (rng: Rng) => exp(0.125) - exp(0.5 * rng.normal()),
  /** Four gains of 1 for a loss of 4, with noise. */
  stops: (rng: Rng) => (rng.uniform() < 0.8 ? 1 : -4) + 0.7 * rng.normal(),
  /** Nine gains of 1 for a loss of 9, with noise: 20 trades show no loss in 12 % of cases. */
  rare: (rng: Rng) => (rng.uniform() < 0.9 ? 1 : -9) + 0.5 * rng.normal(),
} as const satisfies Record<string, (rng: Rng) => number>;
export type TradeShape = keyof typeof TRADE_SHAPES;

const BURN_IN = 30;

/** A series of results: xᵢ = memory · xᵢ₋₁ + eᵢ. */
export function tradeResults(shape: TradeShape, count: number, memory: number, rng: Rng): Float64Array {
  const draw = TRADE_SHAPES[shape];
  let state = 0;
  for (let i = 0; i < BURN_IN; i++) state = memory * state + draw(rng);
  return Float64Array.from({ length: count }, () => (state = memory * state + draw(rng)));
}
