import { isoMinute } from '../../../shared/bar.ts';
import { MinutehandError } from '../../../shared/errors.ts';

/** Below this part of its share of the bars, a holdout lies in a gap, whatever the market's weeks. */
const LEAST_PART = 0.1;

export interface DefaultHoldout {
  /** Its share of the time. */
  readonly fraction: number;
  /** Epoch seconds. */
  readonly from: number;
  readonly bars: number;
  readonly barsInHoldout: number;
}

/**
 * Refuses the last part of the time as a holdout where nearly all bars are before it: a few bars that stand far behind
 * all others, such as years of an archive and one bar of today.
 * @throws MinutehandError DATA_TOO_SHORT
 */
export function refuseSparseHoldout({ fraction, from, bars, barsInHoldout }: DefaultHoldout): void {
  const due = Math.round(fraction * bars);
  if (barsInHoldout >= LEAST_PART * due) return;
  throw new MinutehandError('DATA_TOO_SHORT', {
    seen: `${barsInHoldout} of ${bars} bars in the last ${fraction} of the time, from ${isoMinute(from)}, which is the holdout`,
    expected: `about ${due} of them`,
    next: 'There is a gap: `minutehand bars check` names it. Choose the bars with --from and --to, or the holdout with --holdout-from.',
  });
}
