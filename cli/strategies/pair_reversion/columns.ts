import { readManifest } from '../../../shared/bundle/bundle.ts';
import { featureSchema, type FeatureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { handWrittenWindows } from '../../../shared/core/features/windows.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { namedColumns } from '../named_columns.ts';
import type { BundleColumns } from '../strategy_commands.ts';

/**
 * The columns of a bundle of pairs, and those that this configuration computes.
 * @throws MinutehandError as readManifest
 */
export function columnsOfPairs(folder: string, { minutehand }: Settings): BundleColumns {
  const schema = featureSchema(minutehand.windows);
  const manifest = readManifest(folder);
  return { version: manifest.version, columns: namedColumns(manifest, definitionsOf(manifest, schema)), schema };
}

/** The features of its windows; of the present ones where this version does not compute them. */
function definitionsOf({ windows }: Manifest, schema: FeatureSchema): FeatureSchema['definitions'] {
  try {
    return featureSchema({ ...handWrittenWindows(schema.windows), ...windows } as FeatureSchema['windows']).definitions;
  } catch {
    return schema.definitions;
  }
}
