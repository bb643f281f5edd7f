import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pointerKind, type ActiveFile } from '../../../shared/bundle/active_file.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { PointerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { writeDurably } from '../../../shared/durable_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Timeframe } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import {
  DELIVERY_FILE,
  isDelivered,
  OBJECTS,
  parseDelivery,
  type DeliveredBundle,
  type Delivery,
} from './delivery_file.ts';

/** @throws MinutehandError DELIVERY_MISSING, DELIVERY_DAMAGED */
export function readDelivery(folder: string): Delivery {
  const path = join(folder, DELIVERY_FILE);
  if (!existsSync(path)) throw new MinutehandError('DELIVERY_MISSING', { seen: path });
  return parseDelivery(readModelsFile(path, 'manifest'), path);
}

/** The bundle that a delivered pointer names. @throws MinutehandError DELIVERY_DAMAGED */
export function bundleOf({ bundles }: Delivery, { version }: ActiveFile, timeframe: Timeframe | null): DeliveredBundle {
  const found = bundles.find((bundle) => bundle.version === version && bundle.timeframe === timeframe);
  if (found === undefined)
    throw new MinutehandError('DELIVERY_DAMAGED', {
      seen: `${DELIVERY_FILE} names ${version}, and has no such bundle`,
    });
  return found;
}

/**
 * High-water marks of delivered pointers, apart from those of this home's own: a delivery cannot go back to an older
 * pointer, nor from signed ones to one without a signature.
 */
export function deliveredMarks({ home }: Pick<HomePaths, 'home'>, timeframe: Timeframe | null): PointerMarks {
  const folder = join(home, 'delivered');
  MACHINE_FILES.makeFolder(folder);
  return new PointerMarks(folder, 'receiver', pointerKind(timeframe === null ? 'active' : `direction_${timeframe}`));
}

/**
 * Puts the files of a delivered bundle together in a temporary folder of its version, while `use` runs. Each must have
 * the bytes that the delivery names.
 * @throws MinutehandError DELIVERY_DAMAGED
 */
export async function withDelivered<Result>(
  folder: string,
  { version, files }: DeliveredBundle,
  use: (bundle: string) => Promise<Result>,
): Promise<Result> {
  const temporary = mkdtempSync(join(tmpdir(), 'minutehand-delivered-'));
  try {
    const bundle = pathInside(temporary, version);
    MACHINE_FILES.makeFolder(bundle);
    for (const one of files) {
      const path = pathInside(join(folder, OBJECTS), one.sha256);
      if (!existsSync(path)) throw new MinutehandError('DELIVERY_DAMAGED', { seen: `${path} is not there` });
      const content = readModelsFile(path, 'content');
      if (!isDelivered(one, content)) throw new MinutehandError('DELIVERY_DAMAGED', { seen: path });
      writeDurably(MACHINE_FILES, pathInside(bundle, one.file), content);
    }
    return await use(bundle);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
