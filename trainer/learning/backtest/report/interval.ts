import { sharpeError } from '../../../../shared/bundle/holdout_sharpe.ts';
import { Z_95 } from '../../../../shared/bundle/share_interval.ts';
import { meanOf } from '../../../../shared/statistics.ts';
import type { Performance } from '../performance.ts';

/** With fewer trades the ratios of a period are noise and not shown. */
export const MIN_TRADES = 10;

/** Half the width of the 95 % confidence interval of the mean of `values`; null with fewer than two. */
export function meanMargin(values: readonly number[]): number | null {
  const { length } = values;
  if (length < 2) return null;
  const mean = meanOf(values);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (length - 1);
  return Z_95 * Math.sqrt(variance / length);
}

/**
 * Half the width of the 95 % interval of an annualized Sharpe ratio of independent days (Lo 2002, equation 9); null
 * without a ratio.
 */
export function sharpeMargin({
  net_sharpe,
  trading_days,
}: Pick<Performance, 'net_sharpe' | 'trading_days'>): number | null {
  return net_sharpe === null ? null : Z_95 * sharpeError(net_sharpe, trading_days);
}
