import { servingSet, type ModelSet } from '../../../shared/bundle/model_set.ts';
import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { ROWS_PER_SCORE } from '../../learning/strategies/pair_reversion/backtest/bar_scores.ts';
import { barsPerRow, modelInputs } from '../../learning/learners/contract/past_rows.ts';
import { featureDrift, type FeatureDrift } from '../../learning/profile/drift.ts';
import type { ProfiledRows } from '../../learning/profile/feature_profile.ts';
import type { MonitorReference } from '../../learning/profile/reference.ts';
import { SCORE_COLUMNS } from '../../learning/profile/score_profile.ts';

/**
 * The rows with the answers of the models that serve each pair in columns behind the features.
 * @param set loaded for `ROWS_PER_SCORE` rows
 * @param ids of the pairs that `rows.pair` names
 * @throws MinutehandError MODEL_OUTPUT
 */
export async function withScores(rows: ProfiledRows, set: ModelSet, ids: readonly string[]): Promise<ProfiledRows> {
  const { x, pair } = rows;
  const columns = x.columns + SCORE_COLUMNS.length;
  const values = new Float32Array(x.rows * columns);
  const batch = new Float32Array(ROWS_PER_SCORE * x.columns * barsPerRow(x));
  for (let first = 0; first < x.rows;) {
    let end = first;
    while (end < x.rows && end - first < ROWS_PER_SCORE && pair[end] === pair[first]) end++;
    batch.set(modelInputs(x, first, end));
    const scores = await servingSet(set, ids[pair[first]!]!).infer(batch, end - first);
    for (let row = first; row < end; row++) {
      values.set(x.values.subarray(row * x.columns, (row + 1) * x.columns), row * columns);
      for (const [i, { name }] of SCORE_COLUMNS.entries())
        values[row * columns + x.columns + i] = scores[name][row - first]!;
    }
    first = end;
  }
  return { ...rows, x: { rows: x.rows, columns, values } };
}

/**
 * Drift of every feature and score: each pair against the profile of its group, where that has models of its own, else
 * against that of the pooled models. Names of a group's begin with `<group>/`.
 * @param live as of `withScores`
 * @param ids of the pairs that `live.pair` names
 * @returns null with too few rows, as `featureDrift`
 */
export function driftByGroup(
  { profile, groups = {} }: Pick<MonitorReference, 'profile' | 'groups'>,
  live: ProfiledRows,
  definitions: readonly FeatureDefinition[],
  ids: readonly string[],
  lookBackBars: number,
): FeatureDrift[] | null {
  const columns = [...definitions, ...SCORE_COLUMNS];
  const grouped = new Set(Object.values(groups).flatMap(({ pairs }) => pairs));
  const served = ids.map((id) => (grouped.has(id) ? '' : id));
  const parts = [
    featureDrift(profile, live, columns, served, lookBackBars),
    ...Object.entries(groups).map(([group, own]) => {
      const features = featureDrift(own, live, columns, ids, lookBackBars);
      return features?.map((feature) => ({ ...feature, name: `${group}/${feature.name}` })) ?? null;
    }),
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.flat();
}
