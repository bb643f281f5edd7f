import type { OpenTime } from '../../../shared/bar.ts';
import type { Rollout } from '../../../shared/bundle/rollout.ts';
import type { Arm } from '../../../shared/core/rollout/assignment.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { JournalFile } from '../../../shared/store/journal.ts';
import type { MinuteAdvantage } from './advantage.ts';
import type { ComparedAxis } from './compared_bars.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';

/**
 * How the live models of a strategy are compared with those that answer beside them: of a rollout both arms, of a
 * shadow what was published and what the shadow scored.
 */
export interface LiveComparison {
  /**
   * The bars that both arms of a rollout have answered.
   * @throws MinutehandError of the champion's bundle
   */
  rolloutBars(question: RolloutQuestion): Promise<RolloutBars>;
  /** The bars of the last days that both the active and the shadow models have scored; null without any. */
  shadowBars(question: ShadowQuestion): Promise<ShadowPeriod | null>;
}

/** Where compared models answer. */
export interface ComparedPlace {
  readonly settings: Settings;
  /** Files of the daemon's shards. */
  readonly journals: readonly string[];
  readonly modelsFolder: string;
}

export interface RolloutQuestion {
  readonly rollout: Rollout;
  /** Its first minute. */
  readonly from: OpenTime;
  /** Those of the place, open. */
  readonly journals: readonly JournalFile[];
  readonly place: ComparedPlace;
}

export interface RolloutBars {
  /** One for each timeframe, also without bars. */
  readonly axes: readonly ComparedAxis[];
  /** Open of the newest minute that both arms answered, epoch seconds; null before the first. */
  readonly newest: OpenTime | null;
}

export interface ShadowQuestion {
  readonly versions: Readonly<Record<Arm, string>>;
  readonly slot: ModelSlotId;
  readonly place: Omit<ComparedPlace, 'modelsFolder'>;
}

/** Bars that both models have scored. */
export interface ShadowPeriod {
  /** Opens of the first and the last one that were scored. */
  readonly from: number;
  readonly newest: number;
  /** Per minute and timeframe with labels, in order of time. */
  readonly history: readonly ShadowAdvantage[];
}

/** `timeframe`: number of the axis; absent: there is one. */
export type ShadowAdvantage = MinuteAdvantage & { readonly timeframe?: number };
