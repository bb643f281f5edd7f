import type { GoLiveCode, GoLiveValues } from '../../../shared/golive/golive_words.ts';

/** The outcome of one line of the checklist. `todo` blocks; `ask`: minutehand cannot see it, and a person decides. */
export interface Judged {
  readonly verdict: 'ok' | 'todo' | 'ask';
  /** The outcome as data; its texts are in shared/golive. */
  readonly code: GoLiveCode;
  readonly values: GoLiveValues;
}

export const ok = (code: GoLiveCode, values: GoLiveValues = {}): Judged => ({ verdict: 'ok', code, values });
export const todo = (code: GoLiveCode, values: GoLiveValues = {}): Judged => ({ verdict: 'todo', code, values });
export const ask = (code: GoLiveCode, values: GoLiveValues = {}): Judged => ({ verdict: 'ask', code, values });
