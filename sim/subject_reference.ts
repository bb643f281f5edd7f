import type { AnsweredMinute, PairMinute } from '../daemon/align/minute.ts';

/** The arm of a rollout of rules that answers a bar. */
export interface ExpectedArm {
  readonly arm: 'champion' | 'challenger';
  readonly rollout: string;
}

/** Inputs of an answer other than the minute itself. */
export interface Asked {
  /** Model version; empty: none. */
  readonly version: string;
  /**
   * Where a rule answers an instrument: the active direction model, whose probabilities its signals state; empty: none.
   */
  readonly direction?: string | undefined;
  /** Where a rule answers as an arm of a rollout. */
  readonly arm?: ExpectedArm | undefined;
  readonly isDegraded: boolean;
  readonly isHalted: boolean;
  /** The previous virtual position, as stored in the journal. */
  readonly position: string;
  /** The signal's id, given the hash of the models. */
  idOf(modelsHash: string): string;
}

export interface ReferenceAnswer {
  /** Signal body as stored in the journal, without its closing brace. */
  readonly body: string;
  readonly position: string;
  /** Every reason whose condition held. */
  readonly met: readonly string[];
}

/** Recomputes one subject's answers without restarts. */
export interface SubjectReference {
  /** The flat position, as stored in the journal. */
  readonly flat: string;
  /** Features of the newest bar, as models of this version score them; empty: no models. */
  values(version: string): Float64Array;
  /** @param input number of the input that ended the bar */
  step(bar: PairMinute, input: number): void;
  answer(minute: AnsweredMinute, asked: Asked): ReferenceAnswer;
}
