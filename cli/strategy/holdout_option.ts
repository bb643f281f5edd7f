import { MinutehandError } from '../../shared/errors.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { isoSecond } from '../../trainer/learning/backtest/ledger.ts';
import { holdoutBar } from '../../trainer/learning/formula_rules/rule_report.ts';
import type { RuleSubject } from '../../trainer/learning/formula_rules/rule_subject.ts';
import { parseDay } from '../period.ts';

/**
 * First bar of the holdout of a judgement.
 * @param bars that are decided on, [from, to)
 * @param given value of --holdout-from; without it the last `holdout_fraction` of the time
 * @throws MinutehandError USAGE
 */
export function holdoutOf(
  subject: RuleSubject,
  bars: { readonly from: number; readonly to: number },
  given: string | undefined,
  { minutehand }: Settings,
): number {
  const { time } = subject.history;
  const first = time[bars.from]!;
  const last = time[bars.to - 1]!;
  const begin =
    given === undefined ? last - minutehand.train.holdout_fraction * (last - first) : parseDay(given, '--holdout-from');
  const holdoutFrom = holdoutBar(subject, begin);
  if (holdoutFrom > bars.from && holdoutFrom < bars.to) return holdoutFrom;
  throw new MinutehandError('USAGE', {
    seen: `a holdout from ${isoSecond(begin)}`,
    expected: `a time between ${isoSecond(first)} and ${isoSecond(last)}`,
  });
}

/** Origin of the bars: those of a folder count as live ones. */
export function marketOfBars({ data }: { readonly data?: string }, { minutehand }: Settings): 'live' | 'simulated' {
  return data === undefined ? minutehand.market : 'live';
}
