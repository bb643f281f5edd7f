import { shareInterval } from '../../../shared/bundle/share_interval.ts';
import { num, percent } from '../format.ts';
import { t } from '../text/text.ts';

/** With fewer trials the interval says nothing. */
const LEAST = 10;

/** A share of trials, never bare: with its 95 % interval, or that they are too few. */
export function shareText(share: number | null, count: number): string {
  if (share === null || count === 0) return '–';
  if (count < LEAST) return `${percent(share, 0)} · ${t('app.tooFew')}`;
  const [low, high] = shareInterval(share, count);
  return `${percent(share, 1)} (${num(100 * low, 0)}–${num(100 * high, 0)})`;
}
