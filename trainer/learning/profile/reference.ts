import { join } from 'node:path';
import * as z from 'zod';
import { MONITOR_FILE } from '../../../shared/bundle/manifest.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { featureProfile, featureProfileSchema, type FeatureProfile, type ProfiledRows } from './feature_profile.ts';
import type { WinCount } from './performance_drift.ts';
import type { Part } from './part.ts';
import { SCORE_COLUMNS } from './score_profile.ts';
import { isThere } from '../../../shared/files.ts';

const REFERENCE_FORMAT = 'minutehand.monitor/1';

const referenceSchema = z.object({
  format: z.literal(REFERENCE_FORMAT),
  /** Of all pairs: features in training, and answers of the pooled models on the holdout. */
  profile: featureProfileSchema,
  /** The same of each group that has models of its own. */
  groups: z.record(z.string(), featureProfileSchema).optional(),
  /** Trades of the holdout as if every pair had an edge, and those that earned after costs; null: not counted. */
  backtest: z.object({ trades: z.int().nonnegative(), wins: z.int().nonnegative() }).nullable(),
});
/** Training data and out-of-sample results of a bundle: the reference of live measurements. Plain JSON. */
export type MonitorReference = z.infer<typeof referenceSchema>;

/** Rows of some pairs. */
export interface ProfileSource {
  /** Of training, evenly spaced in time: AI2's. */
  readonly rows: ProfiledRows;
  /** Answers of the models on those of the holdout (`scoredRows`); absent: no scores are compared. */
  readonly scores?: ProfiledRows;
  /** Ids of the pairs that `rows.pair` names. */
  readonly pairs: readonly string[];
}

export interface ReferenceSource extends ProfileSource {
  readonly definitions: readonly FeatureDefinition[];
  /** `warmupBars` of the features. */
  readonly lookBackBars: number;
  /** Of the groups that have models of their own. */
  readonly groups?: Readonly<Record<string, ProfileSource>>;
  /** Of the holdout, as if every pair had an edge; null where nothing was backtested. */
  readonly backtest: WinCount | null;
}

export function monitorReference(source: ReferenceSource): MonitorReference {
  const { definitions, lookBackBars, groups = {}, backtest } = source;
  const profileOf = ({ rows, scores, pairs }: ProfileSource): FeatureProfile => {
    const { features } = featureProfile(rows, definitions, pairs, lookBackBars);
    const ofScores = scores === undefined ? [] : featureProfile(scores, SCORE_COLUMNS, pairs, lookBackBars).features;
    return { pairs: [...pairs], features: [...features, ...ofScores] };
  };
  const ofGroups = Object.entries(groups).map(([name, own]) => [name, profileOf(own)]);
  return {
    format: REFERENCE_FORMAT,
    profile: profileOf(source),
    ...(ofGroups.length > 0 && { groups: Object.fromEntries(ofGroups) }),
    backtest,
  };
}

/** Reads the reference of a bundle's folder; older bundles have none. */
export function readReference(folder: string): Part<MonitorReference> {
  const path = join(folder, MONITOR_FILE);
  if (!isThere(path)) return { skipped: `the bundle has no ${MONITOR_FILE}: it was made before there was one` };
  try {
    return referenceSchema.parse(JSON.parse(readModelsFile(path, 'content').toString('utf8')));
  } catch {
    return { skipped: `${MONITOR_FILE} of the bundle cannot be read` };
  }
}
