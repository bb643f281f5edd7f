import type { AnsweredMinute, PairMinute } from '../daemon/align/minute.ts';

/** Inputs of an answer beside its minute. */
export interface Asked {
  /** Of the models; empty: none. */
  readonly version: string;
  readonly isDegraded: boolean;
  readonly isHalted: boolean;
  /** The virtual position before, as the journal has it. */
  readonly position: string;
  /** The signal's id, by the hash of the models. */
  idOf(modelsHash: string): string;
}

export interface ReferenceAnswer {
  /** The body of the signal as the journal has it: without its closing brace. */
  readonly body: string;
  readonly position: string;
  /** Reasons whose condition held. */
  readonly met: readonly string[];
}

/** Answers one subject's bars again, without a restart. */
export interface SubjectReference {
  /** The position of a subject without one, as the journal has it. */
  readonly flat: string;
  /** Features of the newest bar. */
  readonly values: Float64Array;
  /** @param input number of the input that ended the bar */
  step(bar: PairMinute, input: number): void;
  answer(minute: AnsweredMinute, asked: Asked): ReferenceAnswer;
}
