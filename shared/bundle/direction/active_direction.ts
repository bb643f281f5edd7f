import { join } from 'node:path';
import { MinutehandError } from '../../errors.ts';
import { MACHINE_FILES } from '../../files.ts';
import { type Timeframe, TIMEFRAME_NAMES, TIMEFRAMES } from '../../pair.ts';
import { copyFolder } from '../bundle.ts';
import { instrumentSchema, type InstrumentSchema } from '../feature_schema.ts';
import { INSTRUMENT_WINDOWS } from '../../core/features/instrument/definitions.ts';
import { readModelsFile } from '../models_file.ts';
import { readAccepted, type ActivePointer } from '../pointer.ts';
import type { PointerMarks } from '../pointer_marks.ts';
import { readDirectionBundle } from './direction_bundle.ts';
import { DIRECTION_FORMAT, WRITTEN_DIRECTION_FORMAT } from './direction_manifest.ts';
import { loadDirectionModel, type DirectionModel } from './direction_model.ts';
import { filesOf } from '../slot_files.ts';
import { directionSlot } from '../../subject/slot.ts';

/** Folder of the direction models in a folder of bundles: `<version>/`, and a pointer for each timeframe. */
export function directionFolder(modelsFolder: string): string {
  return join(modelsFolder, 'direction');
}

/**
 * @param marks without them, signature and serial are not checked
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE; as PointerMarks.check
 */
export function readActiveDirection(
  modelsFolder: string,
  timeframe: Timeframe,
  marks: Pick<PointerMarks, 'check'> | null = null,
): ActivePointer | null {
  return readAccepted(filesOf(modelsFolder, directionSlot(timeframe)).active, MACHINE_FILES, marks);
}

/** Version of the active model of each timeframe that has one. @throws MinutehandError as readActiveDirection */
export function activeDirectionVersions(modelsFolder: string): Partial<Record<Timeframe, string>> {
  const found = TIMEFRAME_NAMES.flatMap((timeframe) => {
    const active = readActiveDirection(modelsFolder, timeframe);
    return active === null ? [] : [[timeframe, active.version]];
  });
  return Object.fromEntries(found) as Partial<Record<Timeframe, string>>;
}

/** Whether a folder has a bundle of the direction model. */
export function isDirectionBundle(folder: string): boolean {
  try {
    const manifest = JSON.parse(readModelsFile(join(folder, 'manifest.json'), 'manifest').toString('utf8')) as unknown;
    const format = (manifest as { format?: unknown } | null)?.format;
    return format === DIRECTION_FORMAT || format === WRITTEN_DIRECTION_FORMAT;
  } catch {
    return false;
  }
}

/**
 * Copies a bundle into a folder of bundles, whole or not at all.
 * @throws MinutehandError MODEL_EXISTS; as readDirectionBundle
 */
export function takeInDirection(folder: string, modelsFolder: string): string {
  const { manifest, modelsHash } = readDirectionBundle(folder);
  const target = join(directionFolder(modelsFolder), manifest.version);
  if (MACHINE_FILES.stat(target) === null) copyFolder(MACHINE_FILES, folder, target);
  else if (readDirectionBundle(target).modelsHash !== modelsHash)
    throw new MinutehandError('MODEL_EXISTS', { seen: `${target} has another model than ${folder}` });
  return manifest.version;
}

/** Opens the bundles of a folder by their version, for at most `maxRows` instruments. */
export function directionOpener(modelsFolder: string, maxRows: number) {
  return (version: string, timeframe: Timeframe): Promise<DirectionModel> => {
    const schema = liveInstrumentSchema(TIMEFRAMES[timeframe]);
    return loadDirectionModel(join(directionFolder(modelsFolder), version), schema, maxRows);
  };
}

/** The features of instruments that live, replay and training share. @param barSeconds of the timeframe */
export function liveInstrumentSchema(barSeconds: number): InstrumentSchema {
  return instrumentSchema(INSTRUMENT_WINDOWS, barSeconds);
}
