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

export const DIRECTION_REASONS = [
  'ENTRY',
  'STOP_EXIT',
  'TARGET_EXIT',
  'AGE_EXIT',
  'OPPOSITE_EXIT',
  'CLOSE_ALL',
  'IN_POSITION',
  'STOPPED',
  'NO_MODEL',
  'NO_EDGE',
  'THETA',
] as const;
export type DirectionReason = (typeof DIRECTION_REASONS)[number];

export interface DirectionStep {
  readonly action: 'ENTER' | 'EXIT' | 'HOLD';
  readonly reason: DirectionReason;
  /** The position after the bar. */
  readonly position: DirectionPosition;
}

/** All that one decision depends on. */
export interface DirectionInput {
  readonly close: number;
  /** null: no model, or none of its answers for this bar. */
  readonly probabilities: DirectionProbabilities | null;
  /** Whether the instrument shows an edge after costs: without one there is no entry. */
  readonly hasEdge: boolean;
  /** A person has stopped the entries, or also has the position closed; null or absent = neither. */
  readonly stop?: 'entries' | 'close' | null;
}

/** The side the probabilities call for; 0 = none. */
export function calledSide(
  { ML_UP_PROB, ML_DOWN_PROB }: DirectionProbabilities,
  { theta_up, theta_down }: DirectionStrategy,
): -1 | 0 | 1 {
  if (ML_UP_PROB > theta_up && ML_UP_PROB > ML_DOWN_PROB) return 1;
  if (ML_DOWN_PROB > theta_down && ML_DOWN_PROB > ML_UP_PROB) return -1;
  return 0;
}

/**
 * One closed bar of an instrument: a pure function. A position ends before another begins: stop before target before
 * age before the opposite signal, and exits need neither a model nor an edge.
 */
export function stepDirection(
  strategy: DirectionStrategy,
  position: DirectionPosition,
  { close, probabilities, hasEdge, stop = null }: DirectionInput,
): DirectionStep {
  const called = probabilities === null ? 0 : calledSide(probabilities, strategy);
  if (position.side !== 0) {
    const ageBars = position.ageBars + 1;
    const rule = exitReason(strategy, { ...position, ageBars }, close, called);
    const reason = rule ?? (stop === 'close' ? 'CLOSE_ALL' : null);
    if (reason === null) return { action: 'HOLD', reason: 'IN_POSITION', position: { ...position, ageBars } };
    return { action: 'EXIT', reason, position: FLAT_INSTRUMENT };
  }
  const hold = (reason: DirectionReason): DirectionStep => ({ action: 'HOLD', reason, position: FLAT_INSTRUMENT });
  if (stop !== null) return hold('STOPPED');
  if (probabilities === null) return hold('NO_MODEL');
  if (!hasEdge) return hold('NO_EDGE');
  if (called === 0) return hold('THETA');
  return { action: 'ENTER', reason: 'ENTRY', position: { side: called, entryClose: close, ageBars: 0 } };
}

function exitReason(
  { stop, target, max_age_bars }: DirectionStrategy,
  { side, entryClose, ageBars }: DirectionPosition,
  close: number,
  called: -1 | 0 | 1,
): DirectionReason | null {
  const earned = side * (close / entryClose - 1);
  if (earned <= -stop) return 'STOP_EXIT';
  if (earned >= target) return 'TARGET_EXIT';
  if (ageBars >= max_age_bars) return 'AGE_EXIT';
  return called === -side ? 'OPPOSITE_EXIT' : null;
}
