import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { MONITOR_FILE } from '../../shared/bundle/manifest.ts';
import { readModelsFile } from '../../shared/bundle/models_file.ts';
import type { FeatureDefinition } from '../../shared/core/features/feature.ts';
import { featureProfile, featureProfileSchema, type ProfiledRows } from './feature_profile.ts';
import type { WinCount } from './performance_drift.ts';
import type { Part } from './report.ts';

const REFERENCE_FORMAT = 'minutehand.monitor/1';

const referenceSchema = z.object({
  format: z.literal(REFERENCE_FORMAT),
  profile: featureProfileSchema,
  /** Trades of the holdout as if every pair had an edge, and those that earned after costs; null: not counted. */
  backtest: z.object({ trades: z.int().nonnegative(), wins: z.int().nonnegative() }).nullable(),
});
/** Training data and out-of-sample results of a bundle: the reference of live measurements. Plain JSON. */
export type MonitorReference = z.infer<typeof referenceSchema>;

export interface ReferenceSource {
  /** Rows of training that are evenly spaced in time: AI2's. */
  readonly rows: ProfiledRows;
  readonly definitions: readonly FeatureDefinition[];
  /** Ids of the pairs that `rows.pair` names. */
  readonly pairs: readonly string[];
  /** `warmupBars` of the features. */
  readonly lookBackBars: number;
  /** Of the holdout, as if every pair had an edge; null where nothing was backtested. */
  readonly backtest: WinCount | null;
}

export function monitorReference({
  rows,
  definitions,
  pairs,
  lookBackBars,
  backtest,
}: ReferenceSource): MonitorReference {
  return {
    format: REFERENCE_FORMAT,
    profile: featureProfile(rows, definitions, pairs, lookBackBars),
    backtest,
  };
}

/** Reads the reference of a bundle's folder; older bundles have none. */
export function readReference(folder: string): Part<MonitorReference> {
  const path = join(folder, MONITOR_FILE);
  if (!existsSync(path)) return { skipped: `the bundle has no ${MONITOR_FILE}: it was made before there was one` };
  try {
    return referenceSchema.parse(JSON.parse(readModelsFile(path, 'content').toString('utf8')));
  } catch {
    return { skipped: `${MONITOR_FILE} of the bundle cannot be read` };
  }
}
