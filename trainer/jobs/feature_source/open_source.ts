import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { homePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { datasetPolicy } from '../../learning/dataset/dataset_policy.ts';
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
 * Opens the place that `train --features` names.
 * @throws MinutehandError STORE_UNUSABLE, DATA_MISSING, TABLE_FORMAT, USAGE
 */
export async function openSource(place: string, settings: Settings, market: Market): Promise<FeatureSource> {
  const key = storedKey(settings, market);
  const names = key.schema.definitions.map(({ name }) => name);
  if (/^postgres(ql)?:\/\//.test(place)) return databaseSource(place, names);
  if (place !== 'store') return fileSource(place, names);
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    return await storedSource(store, key);
  } catch (error) {
    await store.close();
    throw error;
  }
}
