import type { Bar, OpenTime } from '../shared/bar.ts';
import { createSimulatedMarket } from '../shared/market/simulated_market.ts';

/** Where prices come from: minute after minute of the world's own time, whatever the calendar says. */
export interface Prices {
  /** The next bar of every symbol, as the one that opens at `time`. */
  next(time: OpenTime): Bar[];
}

/** The seeded market of `shared/market`, whose minutes are dealt out as the world asks for them. */
export function createPrices(seed: number, symbols: readonly string[]): Prices {
  const market = createSimulatedMarket({ seed: seed, symbols, start: 1_704_146_400 as OpenTime });
  return { next: (time) => market.next().bars.map((bar) => ({ ...bar, time })) };
}
