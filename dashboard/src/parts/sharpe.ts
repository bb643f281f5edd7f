import type { ShownSharpe } from '../../../shared/bundle/holdout_sharpe.ts';
import { num } from '../format.ts';
import { t } from '../text/text.ts';

/** Never a bare ratio: with its standard error, or nothing. */
export function sharpeValue({ value, standard_error }: ShownSharpe): string {
  return value === null || standard_error === null ? '–' : `${num(value)} ± ${num(standard_error)}`;
}

/** What the error is, or why there is no ratio. */
export function sharpeNote({ value, days, needed_days }: ShownSharpe): string {
  if (days < needed_days) return t('performance.sharpeFew', { days, needed: needed_days });
  return t(value === null ? 'performance.sharpeFlat' : 'performance.sharpeDays', { days });
}
