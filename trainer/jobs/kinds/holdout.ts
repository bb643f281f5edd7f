import { MinutehandError } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { isoSecond } from '../../learning/strategies/pair_reversion/backtest/ledger.ts';
import { holdoutBar } from '../../learning/formula_rules/rule_report.ts';
import { openTimeOf } from '../job_fields.ts';
import { refuseSparseHoldout } from './sparse_holdout.ts';
import type { RuleBars } from './read_rule_subject.ts';

/**
 * First bar of the holdout of a judgement.
 * @param given its start as an instant; null: the last `holdout_fraction` of the time
 * @throws MinutehandError USAGE; DATA_TOO_SHORT where nearly all bars are before the last part of the time
 */
export function holdoutOf({ subject, from, to }: RuleBars, given: string | null, { minutehand }: Settings): number {
  const { time } = subject.history;
  const first = time[from]!;
  const last = time[to - 1]!;
  const begin = given === null ? last - minutehand.train.holdout_fraction * (last - first) : openTimeOf(given);
  const holdoutFrom = holdoutBar(subject, begin);
  if (given === null)
    refuseSparseHoldout({
      fraction: minutehand.train.holdout_fraction,
      from: begin,
      bars: to - from,
      barsInHoldout: to - holdoutFrom,
    });
  if (holdoutFrom > from && holdoutFrom < to) return holdoutFrom;
  throw new MinutehandError('USAGE', {
    seen: `a holdout from ${isoSecond(begin)}`,
    expected: `a time between ${isoSecond(first)} and ${isoSecond(last)}`,
  });
}
