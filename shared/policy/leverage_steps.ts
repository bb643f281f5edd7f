import type { LeveragePolicy } from '../core/position/leverage.ts';
import { tradingCosts } from './costs.ts';
import type { CorePolicy, MinutehandSettings } from './schema.ts';

/** Returns whether `leverage_reduction_rate` has any step. */
function reducesLeverage({ leverage_reduction_rate: { drawdown, risk_score } }: CorePolicy): boolean {
  return drawdown.length > 0 || risk_score.length > 0;
}

/** `leverage_reduction_rate` with the costs of fills; undefined without steps. */
export function leveragePolicy(core: CorePolicy, symbols: MinutehandSettings['symbols']): LeveragePolicy | undefined {
  if (!reducesLeverage(core)) return undefined;
  return { ...core.leverage_reduction_rate, costs: tradingCosts({ minutehand: { symbols } }) };
}
