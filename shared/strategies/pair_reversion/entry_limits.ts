import type { ExposureAfter } from '../../core/position/exposure.ts';
import { FLAT, type Market } from '../../core/position/position.ts';
import type { DecisionPolicy, PairQuestion } from './pair_input.ts';
import { PAIR_RULE, type PairEntryName, type PairReason } from './pair_rule.ts';

/** Conditions that are of the policy and of no model: an entry of any strategy over pairs needs them. */
const NAMES: readonly PairEntryName[] = ['beta_min', 'beta_max', 'session', 'exposure'];
const LIMITS = { ...PAIR_RULE, entries: PAIR_RULE.entries.filter(({ name }) => NAMES.includes(name)) };

/** An entry at a bar, whichever strategy makes it. */
export interface LimitedEntry {
  readonly market: Market;
  readonly policy: DecisionPolicy;
  /** What it would do to all open positions; null where nothing is limited. */
  readonly exposure: ExposureAfter | null;
  /** Open of the bar, epoch seconds. */
  readonly time: number;
}

/** Why the policy refuses an entry; null = it does not. */
export function refusedBy(entry: LimitedEntry): PairReason | null {
  const question = questionOf(entry);
  return LIMITS.entries.find((condition) => !condition.holds(question))?.reason ?? null;
}

function questionOf({ market, policy, exposure, time }: LimitedEntry): PairQuestion {
  const terms = { theta1: 1, theta2: 0, hasEdge: true, isHalted: false, exposure };
  return { market, scores: null, terms, policy, position: FLAT, time } as PairQuestion;
}
