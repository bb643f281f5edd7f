import type { Params } from './space.ts';

export interface Trial {
  /** 0, 1, 2 … in the order of asking. */
  readonly number: number;
  readonly params: Params;
}

export interface TrialRecord extends Trial {
  readonly state: 'running' | 'complete' | 'pruned' | 'failed';
  /** The value passed to `tell`; null while it runs and for trials that were pruned or failed. */
  readonly value: number | null;
  /** Reported values, by step. */
  readonly reports: ReadonlyMap<number, number>;
  /** Why it failed, else null. */
  readonly reason: string | null;
}
