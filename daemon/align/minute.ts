import type { Bar, OpenTime } from '../../shared/bar.ts';
import type { OtherBarsAt } from '../../shared/core/formula/other_values.ts';

/**
 * End of a minute of a pair: with both legs, with a suspect bar, with a leg marked empty, or with a leg that never
 * arrived.
 */
export type MinuteOutcome = 'COMPLETE' | 'BAR_SUSPECT' | 'LEG_EMPTY' | 'LEG_MISSING';

export interface PairMinute {
  /** Of the subject: pairs come first, then instruments, whose legs are one symbol. */
  readonly pairIndex: number;
  readonly time: OpenTime;
  /** null where there is no bar, or a suspect one. */
  readonly a: Bar | null;
  readonly b: Bar | null;
  readonly outcome: MinuteOutcome;
  /** Every leg that came was history: the minute moves features and publishes nothing. */
  readonly backfill: boolean;
  /** Bars of other symbols that are read at it, where formulas read any. */
  readonly others?: OtherBarsAt;
}

/**
 * A heartbeat of a pair: nothing arrived since the minute `time`, and either its bars are missing or the daemon ends.
 */
export interface Heartbeat {
  readonly pairIndex: number;
  readonly time: OpenTime;
  readonly a: null;
  readonly b: null;
  readonly outcome: 'SILENCE' | 'SHUTDOWN';
  /** The mode is HALT: silent for long, or the final heartbeat of a daemon. */
  readonly isHalted: boolean;
  readonly backfill: false;
}

/** An item that is answered with a signal: a minute that ended, or the time after one. */
export type AnsweredMinute = PairMinute | Heartbeat;

export function isHeartbeat(minute: AnsweredMinute): minute is Heartbeat {
  return minute.outcome === 'SILENCE' || minute.outcome === 'SHUTDOWN';
}
