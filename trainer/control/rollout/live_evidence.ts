import type { OpenTime } from '../../../shared/bar.ts';
import { FAILED_ROLLOUT, type Rollout } from '../../../shared/bundle/rollout.ts';
import { shelfNameOf } from '../../../shared/bundle/shelf_name.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import type { ComparedAxis } from '../../jobs/comparison/compared_bars.ts';
import type { ComparedPlace } from '../../jobs/comparison/live_comparison.ts';
import { RULE_COMPARISON } from '../../jobs/strategies/formula_rule/live_comparison.ts';
import { trainingOfShelf } from '../../jobs/strategies/registry.ts';
import { RolloutEvidence } from './evidence.ts';
import type { RolloutRules } from './rules.ts';
import { isRuleSlot } from '../../../shared/subject/slot.ts';
import { slotOfRollout } from '../../../shared/subject/written_names.ts';

/** Labels that are still unknown after this many horizons count as missing: their subject has had no bars. */
const MATURE_AFTER_HORIZONS = 3;

export interface LiveEvidence {
  readonly evidence: RolloutEvidence;
  /** Open of the newest minute that both arms answered, epoch seconds; null before the first. */
  readonly newest: OpenTime | null;
}

/**
 * Rebuilds the evidence of a rollout from the journals: the same rows give the same evidence.
 * @throws MinutehandError of the champion's bundle
 */
export async function liveEvidence(rollout: Rollout, rules: RolloutRules, place: ComparedPlace): Promise<LiveEvidence> {
  const from = (Date.parse(rollout.started) / 1000) as OpenTime;
  const slot = slotOfRollout(rollout);
  const comparison = isRuleSlot(slot) ? RULE_COMPARISON : trainingOfShelf(shelfNameOf(slot)).comparison;
  const journals = place.journals.map((path) => openJournal(path, { readOnly: true }));
  try {
    const { axes, newest } = await comparison.rolloutBars({ rollout, from, journals, place });
    const evidence = evidenceOf(axes, rules);
    const failed = `${FAILED_ROLLOUT}${rollout.id}`;
    if (journals.some((journal) => journal.hasInput('rollout', failed, from))) evidence.guards.fail();
    return { evidence, newest };
  } finally {
    for (const journal of journals) journal.close();
  }
}

/** The evidence of compared bars: one of the interleaved processes for each bar of each axis's horizon. */
export function evidenceOf(axes: readonly ComparedAxis[], { guards }: Pick<RolloutRules, 'guards'>): RolloutEvidence {
  const evidence = new RolloutEvidence(
    guards,
    axes.reduce((sum, { horizon }) => sum + horizon, 0),
  );
  let first = 0;
  for (const axis of axes) {
    addBars(evidence, axis, first);
    first += axis.horizon;
  }
  return evidence;
}

/**
 * Adds the bars of one timeframe, in order. Outcomes overlap for a number of bars, so bars that many apart share one of
 * the interleaved processes. A bar whose labels are not known yet keeps all later ones waiting.
 * @param first number of the first process of this timeframe
 */
function addBars(evidence: RolloutEvidence, { horizon, bars }: ComparedAxis, first: number): void {
  let isWaiting = false;
  bars.forEach(({ advantage, unknown, guard }, bar) => {
    const step = first + (bar % horizon);
    const isMature = bar < bars.length - MATURE_AFTER_HORIZONS * horizon;
    isWaiting ||= unknown > 0 && !isMature;
    if (!isWaiting && advantage !== null) evidence.addAdvantage(step, advantage);
    evidence.addGuards(guard(step, isMature ? unknown : 0));
  });
}
