import type { Bar, OpenTime } from '../../bar.ts';

/**
 * The whole file at once: minutes grouped by the UTC interval they fall into. The last group is out while unfinished.
 */
export function resampledFile(bars: readonly Bar[], barSeconds: number): Bar[] {
  const groups = new Map<number, Bar[]>();
  for (const bar of bars) {
    const group = Math.floor(bar.time / barSeconds);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group)!.push(bar);
  }
  const all = [...groups].map(([group, own]): Bar => {
    const first = own[0]!;
    const last = own.at(-1)!;
    return {
      symbol: first.symbol,
      time: ((group + 1) * barSeconds - 60) as OpenTime,
      open: first.open,
      high: Math.max(...own.map(({ high }) => high)),
      low: Math.min(...own.map(({ low }) => low)),
      close: last.close,
      volume: own.reduce((sum, { volume }) => sum + volume, 0),
      ...(last.spread !== undefined && { spread: last.spread }),
      ...(own.every(({ takerBuyVolume }) => takerBuyVolume !== undefined) && {
        takerBuyVolume: own.reduce((sum, { takerBuyVolume }) => sum + takerBuyVolume!, 0),
      }),
      ...(own.every(({ trades }) => trades !== undefined) && {
        trades: own.reduce((sum, { trades }) => sum + trades!, 0),
      }),
    };
  });
  const end = bars.at(-1)?.time;
  return all.filter(({ time }, i) => i < all.length - 1 || time === end);
}
