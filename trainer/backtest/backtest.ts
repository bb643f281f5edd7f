import type { OpenTime } from '../../shared/bar.ts';
import { decide, type DecisionPolicy, type Scores, type Thresholds } from '../../shared/core/decide/decide.ts';
import { agePosition, FLAT, openPosition, type Position } from '../../shared/core/position/position.ts';
import type { SymbolCosts } from '../../shared/policy/policy.ts';
import { marketAt, type PairHistory } from '../dataset/pair_history.ts';

const BPS = 1e4;

export interface Trade {
  readonly pairId: string;
  readonly side: -1 | 1;
  /** Opens of the bars at which the fills were taken: the ones after the decisions. */
  readonly entryTime: OpenTime;
  readonly exitTime: OpenTime;
  readonly reason: string;
  /** P&L before costs, basis points of gross notional at full size. */
  readonly grossBps: number;
  readonly netBps: number;
}

export interface BacktestOptions {
  readonly thresholds: Thresholds;
  readonly policy: DecisionPolicy;
  readonly edge: boolean;
  readonly costs: { readonly a: SymbolCosts; readonly b: SymbolCosts };
  /** Scores of bar `t`; asked only of bars in [from, to). */
  scores(t: number): Scores | null;
}

/**
 * One pair's trades by the daemon's own `decide`, bar by bar. A decision at the close of a bar is filled at the open of
 * the next one; what is still open at the end is closed at the last open.
 */
export function backtest(history: PairHistory, from: number, to: number, options: BacktestOptions): Trade[] {
  const trades: Trade[] = [];
  let position: Position = FLAT;
  let entryBar = -1;
  const close = (fillBar: number, reason: string): void => {
    trades.push(makeTrade(history, position, entryBar, fillBar, reason, options));
    position = FLAT;
  };
  for (let t = from; t + 1 < to; t++) {
    const market = marketAt(history, t);
    position = agePosition(position);
    const decision = decide(market, options.scores(t), options.edge, options.thresholds, options.policy, position);
    if (decision.action === 'EXIT') close(t + 1, decision.reason);
    if (decision.action === 'ENTER') {
      position = openPosition(decision.target, '', history.time[t]! as OpenTime, market);
      entryBar = t + 1;
    }
  }
  if (position.side !== 0 && entryBar < to - 1) close(to - 1, 'END_OF_DATA');
  return trades;
}

function makeTrade(
  history: PairHistory,
  position: Position,
  entryBar: number,
  exitBar: number,
  reason: string,
  options: BacktestOptions,
): Trade {
  const { openA, openB, time, pair } = history;
  const hedge = Math.abs(position.beta);
  const moveA = Math.log(openA[exitBar]! / openA[entryBar]!);
  const moveB = Math.log(openB[exitBar]! / openB[entryBar]!);
  const grossBps = (BPS * position.side * (moveA - position.beta * moveB)) / (1 + hedge);
  const costBps = (roundTripBps(options.costs.a) + hedge * roundTripBps(options.costs.b)) / (1 + hedge);
  return {
    pairId: pair.id,
    side: position.side as -1 | 1,
    entryTime: time[entryBar]! as OpenTime,
    exitTime: time[exitBar]! as OpenTime,
    reason,
    grossBps,
    netBps: grossBps - costBps,
  };
}

/** What one leg costs to open and close, in basis points of its notional: the spread once, commission and slippage twice. */
export function roundTripBps({ spread_bps, commission_bps, slippage_bps }: SymbolCosts): number {
  return spread_bps + 2 * (commission_bps + slippage_bps);
}
