import type { ColumnImportance, ImportanceReport } from '../validate/importance.ts';

/** Importance that chance alone exceeds once in twenty times, in standard deviations of its bootstrap. */
const SURE_SIGMAS = 1.645;

/** A column of the present schema, and whether the model is shown to need it. */
export interface JudgedColumn extends Pick<ColumnImportance, 'feature' | 'mean' | 'std'> {
  readonly is_idle: boolean;
}

/**
 * Columns with a permutation importance within chance for the present model, out of fold. Redundant columns are all
 * idle, though the model needs one of them; therefore a model without all idle columns is compared on later rows.
 * @param present names of the columns of the model
 */
export function judgeColumns({ features }: ImportanceReport, present: ReadonlySet<string>): JudgedColumn[] {
  return features
    .filter(({ feature }) => present.has(feature))
    .map(({ feature, mean, std }) => ({ feature, mean, std, is_idle: !(mean > SURE_SIGMAS * std) }));
}
