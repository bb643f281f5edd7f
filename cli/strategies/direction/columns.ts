import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import type { DirectionManifest } from '../../../shared/bundle/direction/direction_manifest.ts';
import { instrumentSchema, type InstrumentSchema } from '../../../shared/bundle/feature_schema.ts';
import { INSTRUMENT_WINDOWS, type InstrumentWindows } from '../../../shared/core/features/instrument/definitions.ts';
import { withInstrumentFormulas } from '../../../shared/policy/feature_settings.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { namedColumns } from '../named_columns.ts';
import type { BundleColumns } from '../strategy_commands.ts';

/**
 * The columns of a direction bundle, and those that this configuration computes.
 * @throws MinutehandError as readDirectionBundle
 */
export function columnsOfDirection(folder: string, settings: Settings): BundleColumns {
  const { manifest } = readDirectionBundle(folder);
  const schema = instrumentSchema(withInstrumentFormulas(settings, INSTRUMENT_WINDOWS), manifest.timeframe);
  const own = ownInstrumentDefinitions(manifest, schema);
  return { version: manifest.version, columns: namedColumns(manifest, own), schema };
}

/** The features of its windows and formulas; those of the configuration where this version does not compute them. */
function ownInstrumentDefinitions(
  { windows, timeframe }: DirectionManifest,
  schema: InstrumentSchema,
): InstrumentSchema['definitions'] {
  try {
    return instrumentSchema({ ...INSTRUMENT_WINDOWS, ...windows } as InstrumentWindows, timeframe).definitions;
  } catch {
    return schema.definitions;
  }
}
