import type { Arm } from '../../../shared/core/rollout/assignment.ts';
import type { Rollout } from '../../../shared/bundle/rollout.ts';
import type { RolloutEvidence } from './evidence.ts';
import type { GuardMinute } from './guards.ts';
import type { MinuteAdvantage } from './paired_scores.ts';

/** Labels that are still unknown after this many horizons count as missing: their subject has had no bars. */
const MATURE_AFTER_HORIZONS = 3;

/** What both arms answered to one bar of a timeframe. */
export interface ComparedBar {
  /** null without a known label. */
  readonly advantage: MinuteAdvantage | null;
  /** Labels that are due at this bar and not known yet. */
  readonly unknown: number;
  /** @param unlabeled labels that will not be known any more */
  guard(step: number, unlabeled: number): GuardMinute;
}

export interface Axis {
  /** Bars over which outcomes overlap. */
  readonly horizon: number;
  /** Number of the first of its processes. */
  readonly first: number;
}

/**
 * Adds the bars of one timeframe, in order. Outcomes overlap for a number of bars, so bars that many apart share one of
 * the interleaved processes. A bar whose labels are not known yet keeps all later ones waiting.
 */
export function addBars(evidence: RolloutEvidence, bars: readonly ComparedBar[], { horizon, first }: Axis): void {
  let isWaiting = false;
  bars.forEach(({ advantage, unknown, guard }, bar) => {
    const step = first + (bar % horizon);
    const isMature = bar < bars.length - MATURE_AFTER_HORIZONS * horizon;
    isWaiting ||= unknown > 0 && !isMature;
    if (!isWaiting && advantage !== null) evidence.addAdvantage(step, advantage);
    evidence.addGuards(guard(step, isMature ? unknown : 0));
  });
}

/** The challenger's share of units at a time, epoch seconds; 0 before the rollout. */
export function sharesOf({ stages }: Pick<Rollout, 'stages'>): (time: number) => number {
  const starts = stages.map(({ from, share }) => ({ from: Date.parse(from) / 1000, share }));
  return (time) => starts.findLast(({ from }) => from <= time)?.share ?? 0;
}

/** The answers of both arms; none where one is missing. */
export function bothArms<Answer>(answers: Iterable<Partial<Record<Arm, Answer>>>): Record<Arm, Answer>[] {
  return [...answers].flatMap(({ champion, challenger }) =>
    champion === undefined || challenger === undefined ? [] : [{ champion, challenger }],
  );
}
