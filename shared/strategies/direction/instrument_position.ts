import type { OpenTime } from '../../bar.ts';
import {
  FLAT_INSTRUMENT,
  type DirectionFacts,
  type DirectionPosition,
  type DirectionStrategy,
} from './direction_input.ts';
import { stepDirection, type DirectionStep } from './direction.ts';

/** The rules of a strategy that end a position. */
export type ExitRules = Pick<DirectionStrategy, 'stop' | 'target' | 'max_age_bars'>;

/** The exit rules of an entry; null: it has no stop, or no target. */
export interface KeptExits {
  readonly stop: number | null;
  readonly target: number | null;
  readonly max_age_bars: number;
  /** The same as a strategy file states them, of its entries: results in basis points, before costs. */
  readonly stop_bps?: number | null;
  readonly target_bps?: number | null;
}

/**
 * The virtual position of an instrument. An open one keeps the exit rules of its entry, whatever model or strategy file
 * follows.
 */
export interface InstrumentPosition extends DirectionPosition {
  /** signal_id of the ENTER; empty when flat. */
  readonly positionId: string;
  readonly entryTime: OpenTime | 0;
  /** null when flat. */
  readonly exits: KeptExits | null;
  /** Id of the rollout whose challenger opened it, and decides until its exit while that rollout is active. */
  readonly rollout?: string;
}

export const FLAT_POSITION: InstrumentPosition = { ...FLAT_INSTRUMENT, positionId: '', entryTime: 0, exits: null };

export interface InstrumentStep<Reason extends string = DirectionStep['reason']> {
  readonly action: DirectionStep['action'];
  readonly reason: Reason;
  readonly position: InstrumentPosition;
}

/** Never called for: an answer is at most 1. */
const NO_ENTRIES = { theta_up: 1, theta_down: 1 };
const NO_EXITS: ExitRules = { stop: Infinity, target: Infinity, max_age_bars: Infinity };

/** What decides the next bar: the entries of the active strategy, the exits of the position's entry. */
export function rulesOf(strategy: DirectionStrategy | null, position: InstrumentPosition): DirectionStrategy {
  const { stop, target, max_age_bars } = position.exits ?? strategy ?? NO_EXITS;
  const { theta_up, theta_down } = strategy ?? NO_ENTRIES;
  return { theta_up, theta_down, stop: stop ?? Infinity, target: target ?? Infinity, max_age_bars };
}

/**
 * Decides on one closed bar and moves the position by it: `stepDirection`, the same one as in a backtest.
 * @param strategy of the active model; null without one
 * @param id signal_id of the answer
 * @param time of the bar
 */
export function stepInstrument(
  strategy: DirectionStrategy | null,
  position: InstrumentPosition,
  input: DirectionFacts,
  id: string,
  time: OpenTime,
): InstrumentStep {
  const rules = rulesOf(strategy, position);
  const { stop, target, max_age_bars } = rules;
  const { action, reason, position: after } = stepDirection(rules, position, input);
  if (action === 'ENTER')
    return {
      action,
      reason,
      position: { ...after, positionId: id, entryTime: time, exits: { stop, target, max_age_bars } },
    };
  return { action, reason, position: after.side === 0 ? FLAT_POSITION : { ...position, ageBars: after.ageBars } };
}
