import type { StandingOrders } from '../../core/rule/standing_conditions.ts';

/** Calibrated answers of the direction model to one bar; their sum is 1. */
export interface DirectionProbabilities {
  readonly ML_UP_PROB: number;
  readonly ML_DOWN_PROB: number;
  readonly ML_RANGE_PROB: number;
}

/** The delivered strategy of an instrument: plain numbers, stored in the bundle. */
export interface DirectionStrategy {
  /** A long entry needs ML_UP_PROB above it, and above ML_DOWN_PROB; a short one mirrored with theta_down. */
  readonly theta_up: number;
  readonly theta_down: number;
  /** Distance from the entry's close, as a share of it, at which a close ends the position. */
  readonly stop: number;
  readonly target: number;
  readonly max_age_bars: number;
}

/** A virtual position of an instrument. */
export interface DirectionPosition {
  /** 1 = long, −1 = short, 0 = flat. */
  readonly side: -1 | 0 | 1;
  /** Close of the bar of the entry; 0 while flat. */
  readonly entryClose: number;
  readonly ageBars: number;
}

export const FLAT_INSTRUMENT: DirectionPosition = { side: 0, entryClose: 0, ageBars: 0 };

/** Why a model makes no entries of an instrument: a claim about it has failed, or it has shown no edge after costs. */
export type EntryVeto = 'MODEL_BIASED' | 'MODEL_WEAK' | 'NO_EDGE';

/** All that the decision on one bar of an instrument reads. */
export interface DirectionFacts extends StandingOrders {
  readonly close: number;
  /** null: no model, or none of its answers for this bar. */
  readonly probabilities: DirectionProbabilities | null;
  /** null: nothing that the model has shown speaks against entries. */
  readonly veto: EntryVeto | null;
  /** Share of training rows that are farther out than the bar's inputs; absent or NaN: not known, no candidate. */
  readonly novelty?: number | undefined;
  /** Entries need at least this novelty, where it is known; absent: any. */
  readonly noveltyMin?: number | undefined;
}

/** The input with the strategy and the position, already aged by this bar. */
export interface DirectionQuestion extends DirectionFacts {
  readonly strategy: DirectionStrategy;
  readonly position: DirectionPosition;
}

/** The position one bar later. */
export function ageInstrument(position: DirectionPosition): DirectionPosition {
  if (position.side === 0) return FLAT_INSTRUMENT;
  const { side, entryClose, ageBars } = position;
  return { side, entryClose, ageBars: ageBars + 1 };
}
