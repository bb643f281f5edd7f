import type { OpenTime } from '../../bar.ts';
import type { EntryWindow } from '../../core/cost/entry_window.ts';
import type { NewsPolicy, NewsWindows } from '../../core/news/news_windows.ts';
import type { ExposureAfter, ExposurePolicy } from '../../core/position/exposure.ts';
import type { LeveragePolicy } from '../../core/position/leverage.ts';
import type { Market, Position } from '../../core/position/position.ts';

export interface DecisionPolicy {
  /** |z| from which a bar is an entry candidate, in standard deviations. */
  readonly z_entry: number;
  /** Frozen z at which an open position has reverted. */
  readonly z_exit: number;
  /** Maximum distance of a position beyond its entry z, in standard deviations. */
  readonly stop: number;
  readonly max_age_bars: number;
  readonly beta_min: number;
  readonly beta_max: number;
  /** risk_score at which an open position is left. */
  readonly risk_exit: number;
  /** Whether a pair without a proven edge holds. */
  readonly require_edge: boolean;
  /** Absent where nothing reduces the size of positions; no decision depends on it. */
  readonly leverage?: LeveragePolicy;
  /** Windows without entries. */
  readonly no_entry_windows: readonly EntryWindow[];
  /** The expected result of an entry, in basis points after costs, must be above it. */
  readonly min_expected_net_bps: number;
  /** Absent without limits. */
  readonly exposure?: ExposurePolicy;
  /** Absent where news stop nothing. */
  readonly news?: NewsPolicy;
  /** Entries need at least this novelty, where it is known; absent: any. */
  readonly novelty_min?: number;
  /** 1: as decided the first version, without swaps in the expected result; absent: as now. */
  readonly rules?: 1;
}

export interface Thresholds {
  /** return_prob must be above it. */
  readonly theta1: number;
  /** risk_score must be below it. */
  readonly theta2: number;
}

/** What an entry is subject to beside the policy: thresholds, edge, stops. (Gates judge bundles, and no bar.) */
export interface EntryTerms extends Thresholds {
  /** The models have shown an edge after costs for the pair. */
  readonly hasEdge: boolean;
  /** A live KPI halts the pair under these models. */
  readonly isHalted: boolean;
  /** A person has stopped the entries of the pair, or also has its position closed; null or absent = neither. */
  readonly stop?: 'entries' | 'close' | null;
  /** What an entry would raise, by `candidateExposure`; null or absent: nothing that is limited. */
  readonly exposure?: ExposureAfter | null;
  /** Where news keep the pair from entering, by `newsWindows`; null or absent: nowhere. */
  readonly news?: NewsWindows | null;
}

/** Answers of the models to a bar. */
export interface ModelScores {
  readonly return_prob: number;
  readonly risk_score: number;
  /** Of a model of the result, in standard deviations of the spread before costs; absent or NaN without one. */
  readonly result_sigmas?: number;
  /** Share of AI1's training rows that are farther out than the bar's inputs; absent or NaN where it is not known. */
  readonly novelty?: number;
}

export interface Scores extends ModelScores {
  /** By `expectedNetBps`; NaN for a bar that is no candidate. */
  readonly expected_net_bps: number;
}

/** All that the decision on one bar of a pair reads. */
export interface PairQuestion {
  readonly market: Market;
  /** null: no models, or none of their answers for this bar. */
  readonly scores: Scores | null;
  readonly terms: EntryTerms;
  readonly policy: DecisionPolicy;
  /** Before this bar, already aged by it. */
  readonly position: Position;
  /** Open of the bar. */
  readonly time: OpenTime;
  /** Cost of a round trip in basis points: the scale of the expected result. For explanations only. */
  readonly roundTripBps?: number;
}
