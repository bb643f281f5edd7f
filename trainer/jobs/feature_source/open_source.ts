import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { homePaths } from '../../../shared/home.ts';
import { FEATURES_OF_BARS, FEATURES_OF_STORE, TABLE_PREFIX } from '../../../shared/policy/feature_place.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { datasetPolicy } from '../../learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { databaseSource } from './database_source.ts';
import type { FeatureSource } from '../../learning/feature_table/feature_table.ts';
import { fileSource } from '../../learning/feature_table/file_source.ts';
import { labelHash, storedSource, type StoredKey } from './stored_features.ts';
import { openStore, storeUrl } from '../../store/store.ts';

/** Key of this configuration's features and labels in the store. */
export function storedKey(settings: Settings, market: Market): StoredKey {
  const policy = datasetPolicy(settings);
  return { market, schema: featureSchema(policy.windows), labels: labelHash(policy) };
}

/**
 * Opens the place that `train --features`, a request or `retrain_features` names.
 * @returns null for the bars themselves, of which features and labels are computed
 * @throws MinutehandError STORE_UNUSABLE, DATA_MISSING, TABLE_FORMAT, USAGE
 */
export async function openSource(place: string, settings: Settings, market: Market): Promise<FeatureSource | null> {
  if (place === FEATURES_OF_BARS) return null;
  const key = storedKey(settings, market);
  const names = key.schema.definitions.map(({ name }) => name);
  if (/^postgres(ql)?:\/\//.test(place)) return databaseSource(place, names);
  if (place.startsWith(TABLE_PREFIX)) return databaseSource(tableUrl(place.slice(TABLE_PREFIX.length)), names);
  if (place !== FEATURES_OF_STORE) return fileSource(place, names);
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    return await storedSource(store, key);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * A table of the database of MINUTEHAND_FEATURES_URL, else of that of the store.
 * @throws MinutehandError USAGE where neither is PostgreSQL
 */
function tableUrl(table: string): string {
  const url = process.env['MINUTEHAND_FEATURES_URL'] || storeUrl(process.env, homePaths());
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new MinutehandError('USAGE', {
      seen: `the features of ${TABLE_PREFIX}${table}, and no database of them`,
      expected: 'MINUTEHAND_FEATURES_URL=postgres://…, or a store on PostgreSQL (MINUTEHAND_DATABASE_URL)',
    });
  const address = new URL(url);
  address.searchParams.set('table', table);
  return address.href;
}
