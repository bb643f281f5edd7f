import type { Bar, OpenTime } from '../../../shared/bar.ts';
import { minutes } from '../../../shared/bar_file/bar_file.ts';
import { exp } from '../../../shared/elementary.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { tinyBars } from '../../tiny_settings.ts';

/** The coin that is traded on its own, minute by minute. */
export const COIN = 'BTCUSDT';

/** One minute of a market, with a bar of each symbol. */
export interface MarketMinute {
  readonly time: OpenTime;
  readonly bars: readonly Bar[];
}

/** Simulated minutes of the pairs' symbols and of `COIN`, which has the volume of takers and the number of trades. */
export function marketMinutes(settings: Settings, count: number): MarketMinute[] {
  const rng = createRng('golden/coin');
  let price = 42_000;
  return [...minutes(tinyBars(settings, count))].map(({ time, bars }) => {
    const open = price;
    price *= exp(0.001 * rng.normal());
    const coin: Bar = {
      symbol: COIN,
      time,
      open,
      high: Math.max(open, price) * 1.0002,
      low: Math.min(open, price) * 0.9998,
      close: price,
      volume: 8,
      takerBuyVolume: 8 * rng.uniform(),
      trades: 20 + rng.integer(30),
    };
    return { time, bars: [...bars, coin] };
  });
}
