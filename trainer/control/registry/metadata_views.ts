import { join } from 'node:path';
import { listVersions } from '../../../shared/bundle/bundle.ts';
import { readPointerFile } from '../../../shared/bundle/pointer.ts';
import { shelfNamed, shelfOfFolder } from '../../../shared/bundle/shelves/registry.ts';
import { renamePatiently } from '../../../shared/durable_file.ts';
import { describeError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { FileSystem } from '../../../shared/ports.ts';
import { ALL_TRAININGS } from '../../jobs/strategies/registry.ts';
import type { BundleMetadata } from '../../jobs/strategies/strategy_training.ts';

/** Below the models folder: of the bundle that was trained last, and of the active ones. Written from the bundles. */
export const TRAINING_METADATA = join('training', 'training_metadata.json');
export const PRODUCTION_METADATA = join('production', 'production_model_metadata.json');

/**
 * Writes both views. Without an active bundle, production's has no version, and performance figures of 0: programs
 * format them.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, and what the file system throws
 */
export function writeMetadataViews(modelsFolder: string, files: FileSystem = MACHINE_FILES): void {
  const newest = newestOf(ALL_TRAININGS.flatMap(({ shelf }) => bundlesIn(shelfNamed(shelf).folder(modelsFolder))));
  if (newest !== null)
    replace(files, join(modelsFolder, TRAINING_METADATA), { ...newest.about, model_metrics: newest.figures });
  replace(files, join(modelsFolder, PRODUCTION_METADATA), productionView(modelsFolder, files));
}

/**
 * The same, where a failure does not undo what was done to the bundles.
 * @param note receives what failed
 */
export function followInMetadata(modelsFolder: string, note: (text: string) => void): void {
  try {
    writeMetadataViews(modelsFolder);
  } catch (error) {
    note(`The metadata views were not written: ${describeError(error).message}`);
  }
}

/**
 * The active bundle of pairs, and below the name of another shelf that of each timeframe; without pairs, the newest of
 * these.
 */
function productionView(modelsFolder: string, files: FileSystem): object {
  const active = ALL_TRAININGS.flatMap(({ shelf, metadataOf }) => {
    const { places, folder } = shelfNamed(shelf);
    return places(modelsFolder).flatMap(({ place }) => {
      const pointer = readPointerFile(place, files);
      if (pointer === null) return [];
      const metadata = metadataOf(pathInside(folder(modelsFolder), pointer.version));
      const { createdMs, timeframe, about, figures, performance } = metadata;
      const { previous } = pointer;
      const shown = { ...about, previous_version: previous, model_metrics: figures, performance_metrics: performance };
      return [{ shelf, createdMs, timeframe, shown }];
    });
  });
  const first = active.find(({ timeframe }) => timeframe === null) ?? newestOf(active);
  const byTimeframe: Record<string, Record<string, object>> = {};
  for (const { shelf, timeframe, shown } of active)
    if (timeframe !== null) (byTimeframe[shelf] ??= {})[timeframe] = shown;
  return { ...(first?.shown ?? NOTHING_ACTIVE), ...byTimeframe };
}

const NOTHING_ACTIVE = {
  model_version: null,
  previous_version: null,
  model_metrics: {},
  performance_metrics: {
    ...{ f1_score: 0, accuracy: 0, auc: 0, brier: 0 },
    ...{ sharpe: 0, win_rate: 0, mean_pnl_bps: 0, max_drawdown: 0, trades: 0 },
  },
};

function newestOf<Made extends Pick<BundleMetadata, 'createdMs'>>(all: readonly Made[]): Made | null {
  return all.reduce<Made | null>(
    (newest, one) => (newest === null || one.createdMs >= newest.createdMs ? one : newest),
    null,
  );
}

/** Of all bundles of a folder, which may have those of several strategies. */
function bundlesIn(folder: string): BundleMetadata[] {
  return listVersions(folder).map((version) => {
    const path = pathInside(folder, version);
    const { name } = shelfOfFolder(path);
    return ALL_TRAININGS.find(({ shelf }) => shelf === name)!.metadataOf(path);
  });
}

function replace(files: FileSystem, path: string, content: object): void {
  files.makeFolder(join(path, '..'));
  const draft = `${path}.${process.pid}.tmp`;
  files.write(draft, `${JSON.stringify(content, null, 2)}\n`);
  renamePatiently(files, draft, path);
}
