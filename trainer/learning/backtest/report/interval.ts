import { sharpeError } from '../../../../shared/bundle/holdout_sharpe.ts';
import type { Performance } from '../performance.ts';

/** Two-sided 95 % quantile of the normal distribution. */
const Z_95 = 1.959964;
/** With fewer trades the ratios of a period are noise and not shown. */
export const MIN_TRADES = 10;

/** Half the width of the 95 % confidence interval of the mean of `values`; null with fewer than two. */
export function meanMargin(values: readonly number[]): number | null {
  const { length } = values;
  if (length < 2) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (length - 1);
  return Z_95 * Math.sqrt(variance / length);
}

/** 95 % interval of a proportion of `count` trials (Wilson 1927). @param share 0…1 */
export function shareInterval(share: number, count: number): readonly [number, number] {
  const z2 = Z_95 * Z_95;
  const middle = (share + z2 / (2 * count)) / (1 + z2 / count);
  const half = (Z_95 / (1 + z2 / count)) * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count * count));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
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
