import type { ColumnImportance, ImportanceReport } from '../validate/importance.ts';

/** Importance that chance alone exceeds once in twenty times, in standard deviations of its bootstrap. */
const SURE_SIGMAS = 1.645;

/** A column of the present schema, and whether the model is shown to need it. */
export interface JudgedColumn extends Pick<ColumnImportance, 'feature' | 'mean' | 'std'> {
  readonly is_idle: boolean;
}

/**
 * Columns whose permutation costs the present model nothing beyond chance, out of fold. Two columns that say the same
 * are both idle, though the model needs one of them: what is left out together is confirmed on later rows.
 * @param present names of the columns of the model
 */
export function judgeColumns({ features }: ImportanceReport, present: ReadonlySet<string>): JudgedColumn[] {
  return features
    .filter(({ feature }) => present.has(feature))
    .map(({ feature, mean, std }) => ({ feature, mean, std, is_idle: !(mean > SURE_SIGMAS * std) }));
}
