import type { Rollout } from '../../../shared/bundle/rollout.ts';
import type { Arm } from '../../../shared/core/rollout/assignment.ts';
import type { MinuteAdvantage } from './advantage.ts';

/** Contribution of one minute, all pairs of a timeframe together. */
export interface GuardMinute {
  /** Number of the process among those of the horizons. */
  readonly minute: number;
  /** Share of units that the challenger decides. */
  readonly share: number;
  /** Change of the mean virtual net result of all pairs, bps of full-size gross notional. */
  readonly championBps: number;
  readonly challengerBps: number;
  /** By pair: which arms entered; pairs without an entry are left out. */
  readonly entries: readonly { readonly champion: boolean; readonly challenger: boolean }[];
  /** Of the challenger's entry candidates. */
  readonly candidates: number;
  readonly passed: number;
  /** Answers due, and those that lack an arm or a label. */
  readonly due: number;
  readonly missing: number;
}

/** What both arms answered to one bar of a timeframe. */
export interface ComparedBar {
  /** null without a known label. */
  readonly advantage: MinuteAdvantage | null;
  /** Labels that are due at this bar and not known yet. */
  readonly unknown: number;
  /** @param unlabeled labels that will not be known any more */
  guard(step: number, unlabeled: number): GuardMinute;
}

/** Bars of one timeframe. Outcomes overlap for a number of bars, so each timeframe has an axis of its own. */
export interface ComparedAxis {
  /** Bars over which outcomes overlap. */
  readonly horizon: number;
  readonly bars: readonly ComparedBar[];
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

/** What an arm did at a bar of a subject. */
interface Traded {
  readonly entered: boolean;
  /** Net result of the position that this bar closed, bps; 0 without one. */
  readonly resultBps: number;
}

/**
 * What both arms did at a bar, of all subjects together.
 * @param answers of the subjects that answered
 * @param subjects number of all, over which results are averaged
 */
export function tradedBy(
  answers: readonly Partial<Record<Arm, Traded>>[],
  subjects: number,
): Pick<GuardMinute, 'championBps' | 'challengerBps' | 'entries'> {
  const mean = (arm: Arm): number => answers.reduce((sum, answer) => sum + (answer[arm]?.resultBps ?? 0), 0) / subjects;
  return {
    championBps: mean('champion'),
    challengerBps: mean('challenger'),
    entries: bothArms(answers)
      .map(({ champion, challenger }) => ({ champion: champion.entered, challenger: challenger.entered }))
      .filter(({ champion, challenger }) => champion || challenger),
  };
}
