import type { OpenTime } from '../bar.ts';
import type { Side } from '../core/position/position.ts';
import type { Action } from '../core/rule/rule.ts';

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
 * The virtual position of an instrument, whichever strategy holds it. An open one keeps the exit rules of its entry,
 * whatever model or strategy file follows.
 */
export interface InstrumentPosition {
  readonly side: Side;
  /** Close of the bar of the entry; 0 when flat. */
  readonly entryClose: number;
  /** Decided bars since the entry. */
  readonly ageBars: number;
  /** signal_id of the ENTER; empty when flat. */
  readonly positionId: string;
  readonly entryTime: OpenTime | 0;
  /** null when flat. */
  readonly exits: KeptExits | null;
  /** Id of the rollout whose challenger opened it, and decides until its exit while that rollout is active. */
  readonly rollout?: string;
}

export const FLAT_POSITION: InstrumentPosition = {
  side: 0,
  entryClose: 0,
  ageBars: 0,
  positionId: '',
  entryTime: 0,
  exits: null,
};

export interface InstrumentStep<Reason extends string> {
  readonly action: Action;
  readonly reason: Reason;
  readonly position: InstrumentPosition;
}

/** Age of a position at the next decided bar. */
export function nextAge({ side, ageBars }: Pick<InstrumentPosition, 'side' | 'ageBars'>): number {
  return side === 0 ? 0 : ageBars + 1;
}
