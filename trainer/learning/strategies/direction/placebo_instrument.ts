import { mirrorBars, type Coins } from '../../placebo/mirrored_bars.ts';
import type { Instrument } from './instrument_rows.ts';

/**
 * The instrument in a market whose direction is drawn: where the coin of a bar shows tails, its log return is mirrored,
 * and taker buys and sells change places. Times, volumes, volatility and auxiliary series are as recorded: the series
 * know nothing of the coins.
 */
export function placeboInstrument({ bars, series }: Instrument, coins: Coins): Instrument {
  const takerBuyVolume = bars.takerBuyVolume.map((bought, i) =>
    coins(bars.time[i]!) > 0 ? bought : bars.volume[i]! - bought,
  );
  return { bars: { ...mirrorBars(bars, coins), takerBuyVolume }, series };
}
