import { ruleFolder } from '../../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../../shared/bundle/rule/rule_bundle.ts';
import { fillCostBps } from '../../../../shared/core/cost/fill_cost.ts';
import type { Arm } from '../../../../shared/core/rollout/assignment.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import type { InstrumentBody } from '../../../../shared/signal/instrument_signal.ts';
import { readArms } from '../../comparison/arms.ts';
import { barResults } from '../../comparison/bar_results.ts';
import { sharesOf, type ComparedBar } from '../../comparison/compared_bars.ts';
import type { LiveComparison, RolloutBars, RolloutQuestion } from '../../comparison/live_comparison.ts';
import { resultAdvantageOf } from '../../comparison/result_advantage.ts';

/** Costs without a profile are the same at every minute. */
const ANY_TIME = 0;

/**
 * Rules have no probabilities: both arms are compared by what their virtual positions earn bar by bar, from close to
 * close after the costs of the champion's bundle, without funding. A position is known before the bar that it earns in,
 * so that no outcome overlaps another.
 */
export const RULE_COMPARISON: Pick<LiveComparison, 'rolloutBars'> = { rolloutBars };

/** @throws MinutehandError as readRuleBundle */
function rolloutBars({ rollout, from, journals, place }: RolloutQuestion): Promise<RolloutBars> {
  const folder = pathInside(ruleFolder(place.modelsFolder), rollout.champion);
  const { costs } = readRuleBundle(folder).manifest;
  const resultsOf = () => barResults(2 * fillCostBps(costs, ANY_TIME));
  const answered = readArms<InstrumentBody, number>(journals, rollout, from, resultsOf);
  const shareAt = sharesOf(rollout);
  const bars = answered.flatMap(({ time, pairs }) => {
    const answers = pairs.get(rollout.instrument!);
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
