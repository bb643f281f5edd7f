import type { Bar, OpenTime } from '../shared/bar.ts';
import { createSimulatedMarket } from '../shared/market/simulated_market.ts';
import type { Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';

/** Source of prices: one bar per minute of world time, ignoring the trading calendar. */
export interface Prices {
  /** The next bar of every symbol, opening at `time`. */
  next(time: OpenTime): Bar[];
}

/** Share of bad ticks among the bars of every third world. */
const BAD_TICKS = 0.004;
/** Probability that a bad tick is followed by another. */
const BAD_TICK_AGAIN = 0.3;

/** The seeded market of `shared/market`, minute by minute. */
export function createPrices(seed: number, symbols: readonly string[]): Prices {
  const market = createSimulatedMarket({ seed: seed, symbols, start: 1_704_146_400 as OpenTime });
  // A separate random stream: everything else in a world is the same with and without bad ticks.
  const rng = createRng(`bad ticks ${seed}`);
  const share = rng.integer(3) === 0 ? BAD_TICKS : 0;
  const wasBad = new Set<string>();
  const tick = (bar: Bar): Bar => {
    const isBad = rng.uniform() < (wasBad.has(bar.symbol) ? BAD_TICK_AGAIN : share);
    if (!isBad) {
      wasBad.delete(bar.symbol);
      return bar;
    }
    wasBad.add(bar.symbol);
    return badTick(bar, rng);
  };
  return { next: (time) => market.next().bars.map((bar) => tick({ ...bar, time })) };
}

/** Multiplies all prices, or only the high or the low, by a factor of 1.01 to 1,000. */
function badTick(bar: Bar, rng: Rng): Bar {
  const factor = 1.01 * 990 ** rng.uniform();
  const { open, high, low, close } = bar;
  const whole = (by: number): Bar => ({ ...bar, open: open * by, high: high * by, low: low * by, close: close * by });
  const kinds: (() => Bar)[] = [
    () => whole(factor),
    () => whole(1 / factor),
    () => ({ ...bar, high: high * factor }),
    () => ({ ...bar, low: low / factor }),
  ];
  return kinds[rng.integer(kinds.length)]!();
}
