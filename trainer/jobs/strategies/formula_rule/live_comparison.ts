import type { Arm } from '../../../../shared/core/rollout/assignment.ts';
import { readArms } from '../../comparison/arms.ts';
import { sharesOf, type ComparedBar } from '../../comparison/compared_bars.ts';
import type { LiveComparison, RolloutBars, RolloutQuestion } from '../../comparison/live_comparison.ts';
import { resultsOfRule, type RuleBody } from '../../comparison/rule_results.ts';
import { resultAdvantageOf } from '../../comparison/result_advantage.ts';
import { subjectOfRule } from '../../../../shared/subject/slot.ts';
import { slotOfRollout } from '../../../../shared/subject/written_names.ts';

/**
 * Rules have no probabilities: both arms are compared by what their virtual positions earn bar by bar, from close to
 * close after the costs of the champion, without funding. A position is known before the bar that it earns in,
 * so that no outcome overlaps another.
 */
export const RULE_COMPARISON: Pick<LiveComparison, 'rolloutBars'> = { rolloutBars };

/** @throws MinutehandError as resultsOfRule */
function rolloutBars({ rollout, from, journals, place }: RolloutQuestion): Promise<RolloutBars> {
  const { modelsFolder, settings } = place;
  const subject = subjectOfRule(slotOfRollout(rollout));
  const question = { subject, version: rollout.champion, modelsFolder, settings };
  const { bars: resultsOf } = resultsOfRule(question);
  const answered = readArms<RuleBody, number>(journals, rollout, from, resultsOf);
  const shareAt = sharesOf(rollout);
  const bars = answered.flatMap(({ time, pairs }) => {
    const answers = pairs.get(subject);
    return answers === undefined ? [] : [comparedBar(answers, shareAt(time))];
  });
  return Promise.resolve({ axes: [{ horizon: 1, bars }], newest: answered.at(-1)?.time ?? null });
}

function comparedBar({ champion, challenger }: Partial<Record<Arm, number>>, share: number): ComparedBar {
  const isWhole = champion !== undefined && challenger !== undefined;
  return {
    advantage: isWhole ? resultAdvantageOf(challenger - champion) : null,
    unknown: 0,
    guard: (minute) => ({
      minute,
      share,
      championBps: champion ?? 0,
      challengerBps: challenger ?? 0,
      // How often a rule enters was judged with it: another rate is no fault.
      entries: [],
      candidates: 0,
      passed: 0,
      due: 1,
      missing: isWhole ? 0 : 1,
    }),
  };
}
