import type { ModelName } from '../../../shared/core/features/feature.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import type { ProfiledRows } from './feature_profile.ts';

/** Answers of the models as columns of a profile, by their names in `BatchScores`. */
export const SCORE_COLUMNS = [
  { name: 'return_prob', models: ['ai1'] },
  { name: 'risk_prob', models: ['ai2'] },
  { name: 'position_scale', models: ['ai3'] },
] as const satisfies readonly { readonly name: string; readonly models: readonly ModelName[] }[];

/** The rows with the answers of the models in place of the features. */
export function scoredRows(rows: ProfiledRows, models: Readonly<Record<ModelName, Fitted>>): ProfiledRows {
  const columns = SCORE_COLUMNS.length;
  const values = new Float32Array(rows.x.rows * columns);
  for (const [
    i,
    {
      models: [name],
    },
  ] of SCORE_COLUMNS.entries())
    models[name].answers(rows.x).forEach((answer, row) => (values[row * columns + i] = answer));
  return { ...rows, x: { rows: rows.x.rows, columns, values } };
}
