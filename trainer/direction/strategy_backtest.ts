import {
  FLAT_INSTRUMENT,
  stepDirection,
  type DirectionPosition,
  type DirectionProbabilities,
  type DirectionStrategy,
} from '../../shared/core/decide/direction.ts';
import type { OpenTime } from '../../shared/bar.ts';
import type { Trade } from '../backtest/backtest.ts';
import type { InstrumentBars } from './instrument_bars.ts';

const BPS = 1e4;

/** Costs of one side of a trade, basis points of its notional. */
export interface InstrumentCosts {
  readonly takerFeeBps: number;
  readonly slippageBps: number;
}

/**
 * Trades of one instrument by the decision of `shared/core`: decided at a close, filled at the next open, each fill
 * with the taker fee and slippage. Funding payments are not charged.
 * @param probabilities of each bar, [bars]; null = no entry, and exits by price and age alone
 * @param strategyAt the strategy that applies at a bar
 */
export function backtestStrategy(
  bars: InstrumentBars,
  probabilities: readonly (DirectionProbabilities | null)[],
  strategyAt: (t: number) => DirectionStrategy,
  { takerFeeBps, slippageBps }: InstrumentCosts,
): Trade[] {
  const trades: Trade[] = [];
  const costBps = 2 * (takerFeeBps + slippageBps);
  let position: DirectionPosition = FLAT_INSTRUMENT;
  let entry = -1;
  for (let t = 0; t + 1 < bars.length; t++) {
    const before = position;
    const step = stepDirection(strategyAt(t), before, {
      close: bars.close[t]!,
      probabilities: probabilities[t] ?? null,
      hasEdge: true,
    });
    position = step.position;
    if (step.action === 'ENTER') entry = t + 1;
    if (step.action !== 'EXIT' || before.side === 0) continue;
    const grossBps = before.side * (bars.open[t + 1]! / bars.open[entry]! - 1) * BPS;
    trades.push({
      pairId: bars.symbol,
      side: before.side,
      entryTime: bars.time[entry]! as OpenTime,
      exitTime: bars.time[t + 1]! as OpenTime,
      reason: step.reason,
      grossBps,
      netBps: grossBps - costBps,
    });
  }
  return trades;
}
