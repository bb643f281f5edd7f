import type { Bar } from '../bar.ts';
import type { DirectionStrategy } from '../strategies/direction/direction_input.ts';
import type { ConditionState } from '../core/rule/conditions.ts';
import type { ExposureAfter } from '../core/position/exposure.ts';
import type { Importance } from '../core/news/news_event.ts';
import type { ModelName } from '../core/features/feature.ts';
import type { InstrumentPosition } from '../strategies/instrument_position.ts';
import type { Position } from '../core/position/position.ts';
import type { InstrumentBody } from '../signal/instrument_signal.ts';
import type { SignalBody } from '../signal/signal.ts';

/** Why one minute of one subject was answered as it was. Plain JSON; numbers that do not exist are null. */
export type Explanation = PairExplanation | InstrumentExplanation;

interface ExplainedMinute {
  readonly subject: string;
  /** Open of the bar, `2026-11-20T12:35Z`. */
  readonly time: string;
  /** Meaning of the reason, as in docs/reference/PROTOCOL.md. */
  readonly meaning: string;
  readonly reproduced: Reproduction;
  /** Version of the rule of the subject that had failed, so that something else has answered; null: none had. */
  readonly failed_rule: string | null;
  /** The bars that the features were computed from; null for a minute that moved none. */
  readonly inputs: ExplainedInputs | null;
  readonly features: ExplainedFeature[];
}

/**
 * `conditions` are those of an entry, in the order of evaluation; `to_enter` those that did not hold, the
 * nearest first. `to_exit` are those that end the position that was open before the minute, the nearest first.
 */
export interface PairExplanation extends ExplainedMinute {
  readonly kind: 'pair';
  /** As published. */
  readonly signal: SignalBody;
  /** Virtual position before the minute. */
  readonly position: Position;
  readonly models: Readonly<Record<ModelName, ExplainedModel>> | null;
  readonly direction: null;
  readonly strategy: null;
  /** Where a rule has answered, and not the models. */
  readonly rule: ExplainedAnsweringRule | null;
  readonly costs: ExplainedCosts | null;
  readonly gate: ExplainedGate | null;
  readonly conditions: ConditionState[];
  readonly to_enter: ConditionState[];
  readonly to_exit: ConditionState[];
}

export interface ExplainedAnsweringRule {
  readonly version: string;
  readonly name: string;
  /** Its bundle shows one, whether or not the policy requires it. */
  readonly has_edge: boolean;
  /** Conditions of each formula of a strategy file, the nearest failing one first. */
  readonly formulas: Record<string, ConditionState[]>;
}

export const DIRECTION_CLASSES = ['up', 'down', 'range'] as const;
export type DirectionClass = (typeof DIRECTION_CLASSES)[number];

/** As `PairExplanation`; conditions are those of the side that is nearer to an entry. */
export interface InstrumentExplanation extends ExplainedMinute {
  readonly kind: 'instrument';
  readonly signal: InstrumentBody;
  readonly position: InstrumentPosition;
  readonly models: null;
  /** `answer` is the softmax of the three scores. */
  readonly direction: Readonly<Record<DirectionClass, ExplainedModel>> | null;
  readonly strategy: (DirectionStrategy & { readonly has_edge: boolean }) | null;
  /** Where a rule has answered, and not the direction model: each condition of its formulas. */
  readonly rule: ExplainedAnsweringRule | null;
  readonly costs: null;
  readonly gate: null;
  readonly conditions: ConditionState[];
  readonly to_enter: ConditionState[];
  readonly to_exit: ConditionState[];
}

/** Whether the recomputed minute equals the published one. */
export interface Reproduction {
  readonly equal: boolean;
  /** EXPLAIN_DIFFERS, or the error that kept it from being computed again. */
  readonly code: string | null;
  readonly differences: { readonly what: string; readonly published: string; readonly computed: string }[];
}

export interface ExplainedInputs {
  readonly a: Bar;
  readonly b: Bar;
  /** Minutes that the features were computed from, and the open of the first of them. */
  readonly bars: number;
  readonly from: string;
}

export interface ExplainedFeature {
  readonly name: string;
  readonly unit: string;
  readonly value: number | null;
  /** Rank among the rows of training, 0 to 1. */
  readonly percentile: number | null;
}

export interface ExplainedModel {
  /** As computed again; AI2's before its rank. */
  readonly answer: number;
  /** In logits: `expected` plus all contributions is `score`. */
  readonly score: number | null;
  readonly expected: number | null;
  /** The greatest first; those of 0 are left out. null with `code`. */
  readonly contributions: { readonly feature: string; readonly logits: number }[] | null;
  readonly code: string | null;
}

export interface ExplainedCosts {
  readonly round_trip_bps: number;
  /** Overnight swaps; below 0 when the position is expected to receive more than it pays. */
  readonly expected_swap_bps: number;
  /** At |z| or, for a bar that is no candidate, at z_entry. */
  readonly expected_net_bps: number;
  readonly expected_gross_bps: number;
  readonly min_expected_net_bps: number;
  /** return_prob at which the expected net result is its minimum; null when none is, and where a model answers it. */
  readonly break_even_prob: number | null;
}

/** An event of the economic calendar that keeps entries from being made. */
export interface ExplainedNews {
  /** `2026-11-20T13:30Z` */
  readonly time: string;
  readonly currency: string;
  readonly importance: Importance;
  readonly name: string;
  /** Minutes from the fill of the minute's decision until entries are possible again. */
  readonly minutes_left: number;
}

export interface ExplainedGate {
  readonly model_version: string;
  readonly theta1: number;
  readonly theta2: number;
  readonly has_edge: boolean;
  readonly halted: boolean;
  /** By a person: entries stopped, or the position closed too; null = neither. */
  readonly stop: 'entries' | 'close' | null;
  /** What an entry would have done to all open positions; null where nothing is limited, or a position is open. */
  readonly exposure: ExposureAfter | null;
  /** The event that the minute is near, by the calendar of that minute; null where news stop nothing, or none is. */
  readonly news: ExplainedNews | null;
  /** false: the policy has changed since, and conditions are those of today's. */
  readonly same_policy: boolean;
}
