import type { InstrumentWindows } from './instrument/definitions.ts';

/** All look-backs of the features, in bars that both legs have. Part of the feature schema. */
export interface Windows {
  readonly beta_window: number;
  readonly z_window: number;
  readonly vol_short: number;
  readonly vol_window: number;
  readonly vol_long: number;
  readonly atr_short: number;
  readonly atr_long: number;
  readonly stability_window: number;
  readonly half_life_window: number;
  readonly pnl_window: number;
  readonly activity_window: number;
  readonly volume_window: number;
  /** Of the pairs, `1m,1h`: absent when all bars are one-minute bars. */
  readonly timeframes?: string;
  /** Formulas that are columns behind the hand-written ones, as `formulasText` writes them; absent: none. */
  readonly formulas?: string;
  /** Bars whose rows, the newest one included, a model gets together; absent: the newest row alone. */
  readonly sequence?: number;
}

/** The look-backs of the hand-written features alone. */
export function handWrittenWindows({ formulas: _formulas, sequence: _sequence, ...written }: Windows): Windows {
  return written;
}

/** Rows that a model gets together at most. */
export const MAX_SEQUENCE = 240;

/** Bars whose rows a model gets together, at least 1. */
export function sequenceBars({ sequence = 1 }: Windows | InstrumentWindows): number {
  return sequence;
}
