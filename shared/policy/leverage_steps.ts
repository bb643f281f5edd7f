import { fillCostBps } from '../core/cost/fill_cost.ts';
import type { LeveragePolicy } from '../core/position/leverage.ts';
import type { CorePolicy, MinutehandSettings } from './schema.ts';

/** Returns whether `leverage_reduction_rate` has any step. */
function reducesLeverage({ leverage_reduction_rate: { drawdown, risk_score } }: CorePolicy): boolean {
  return drawdown.length > 0 || risk_score.length > 0;
}

/** `leverage_reduction_rate` with the costs of a round trip; undefined without steps. */
export function leveragePolicy(core: CorePolicy, symbols: MinutehandSettings['symbols']): LeveragePolicy | undefined {
  if (!reducesLeverage(core)) return undefined;
  const round_trip_bps = Object.fromEntries(
    Object.entries(symbols).map(([symbol, costs]) => [symbol, 2 * fillCostBps(costs, 0)]),
  );
  return { ...core.leverage_reduction_rate, round_trip_bps };
}
