import type { RuleColumns } from './rule_trades.ts';
import type { InstrumentBars } from '../instruments/instrument_bars.ts';

/** A trade by the slow, obvious loop. */
export interface OracleTrade {
  readonly side: number;
  readonly entryBar: number;
  readonly exitBar: number;
  readonly reason: string;
  readonly netBps: number;
}

/** Every bar in turn, one position at a time, written without the rule's own code. @param feeBps of a fill */
export function oracleTrades(
  bars: InstrumentBars,
  { limits, entryLong, entryShort, exit, novelty }: RuleColumns,
  from: number,
  to: number,
  feeBps: number,
): OracleTrade[] {
  const trades: OracleTrade[] = [];
  let side = 0;
  let decided = -1;
  const end = (exitBar: number, reason: string): void => {
    const entryBar = decided + 1;
    const gross = side * (bars.open[exitBar]! / bars.open[entryBar]! - 1) * 10_000;
    if (exitBar > entryBar) trades.push({ side, entryBar, exitBar, reason, netBps: gross - 2 * feeBps });
    side = 0;
  };
  for (let t = from; t < to - 1; t++) {
    if (side === 0) {
      const isLong = entryLong?.[t] === 1;
      const isShort = entryShort?.[t] === 1;
      const isNovel = novelty !== undefined && novelty !== null && novelty.bars[t]! < novelty.min;
      if (isLong !== isShort && !isNovel) {
        side = isLong ? 1 : -1;
        decided = t;
      }
      continue;
    }
    const earned = side * (bars.close[t]! / bars.close[decided]! - 1) * 10_000;
    if (earned <= -limits.stopBps) end(t + 1, 'STOP_EXIT');
    else if (earned >= limits.targetBps) end(t + 1, 'TARGET_EXIT');
    else if (exit?.[t] === 1) end(t + 1, 'RULE_EXIT');
    else if (t - decided >= limits.maxAgeBars) end(t + 1, 'AGE_EXIT');
  }
  if (side !== 0) end(to - 1, 'END_OF_DATA');
  return trades;
}
