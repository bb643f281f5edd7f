import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isS3Address, S3_ADDRESS, s3Address } from '../../../shared/blob/s3_address.ts';
import { openS3Folder } from '../../../shared/blob/s3_folder.ts';
import { pointerKind, type ActiveFile } from '../../../shared/bundle/active_file.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { PointerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { writeDurably } from '../../../shared/durable_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES, isThere } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import {
  DELIVERY_FILE,
  isDelivered,
  MAX_DELIVERY_BYTES,
  OBJECTS,
  parseDelivery,
  type DeliveredBundle,
  type Delivery,
} from './delivery_file.ts';
import { temporaryFolder } from '../../../shared/temporary_folder.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';
import { slotOfTimeframe } from '../../../shared/subject/written_names.ts';
import { filesOf } from '../../../shared/bundle/slot_files.ts';

/** What was delivered, where a receiver reads it. */
export interface DeliverySource {
  /** A folder, or an address. */
  readonly place: string;
  readonly delivery: Delivery;
  /** Bytes of a file of `objects`; null when it is not there. */
  read(sha256: string, maxBytes: number): Promise<Buffer | null>;
  close(): Promise<void>;
}

/**
 * Opens a delivery: a folder of this machine, or `s3://…`.
 * @throws MinutehandError DELIVERY_MISSING, DELIVERY_DAMAGED, DELIVERY_REFUSED, DELIVERY_UNREACHABLE, USAGE
 */
export async function openDelivered(place: string, env: NodeJS.ProcessEnv): Promise<DeliverySource> {
  if (isS3Address(place)) return openBucketDelivery(place, env);
  const folder = resolve(place);
  const path = join(folder, DELIVERY_FILE);
  if (!isThere(path)) throw new MinutehandError('DELIVERY_MISSING', { seen: path });
  return {
    place: folder,
    delivery: parseDelivery(readModelsFile(path, 'manifest'), path),
    read(sha256) {
      const object = pathInside(join(folder, OBJECTS), sha256);
      return Promise.resolve(isThere(object) ? readModelsFile(object, 'content') : null);
    },
    close: () => Promise.resolve(),
  };
}

async function openBucketDelivery(place: string, env: NodeJS.ProcessEnv): Promise<DeliverySource> {
  if (!S3_ADDRESS.test(place))
    throw new MinutehandError('USAGE', {
      seen: place,
      expected: 's3://bucket/prefix?region=…&endpoint=https://…, as in delivery_target',
    });
  const bucket = openS3Folder(s3Address(new URL(place)), env);
  const bytes = await bucket.read(DELIVERY_FILE, MAX_DELIVERY_BYTES);
  if (bytes === null) throw new MinutehandError('DELIVERY_MISSING', { seen: `no ${DELIVERY_FILE} in ${place}` });
  return {
    place,
    delivery: parseDelivery(bytes, `${place}: ${DELIVERY_FILE}`),
    read: (sha256, maxBytes) => bucket.read(`${OBJECTS}/${sha256}`, maxBytes),
    close: () => Promise.resolve(),
  };
}

/** The bundle that a delivered pointer names. @throws MinutehandError DELIVERY_DAMAGED */
export function bundleOf({ bundles }: Delivery, { version }: ActiveFile, slot: ModelSlotId): DeliveredBundle {
  const found = bundles.find((bundle) => bundle.version === version && slotOfTimeframe(bundle.timeframe) === slot);
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
export function deliveredMarks({ home }: Pick<HomePaths, 'home'>, slot: ModelSlotId): PointerMarks {
  const folder = join(home, 'delivered');
  MACHINE_FILES.makeFolder(folder);
  return new PointerMarks(folder, 'receiver', pointerKind(filesOf('', slot).active.name));
}

/**
 * Puts the files of a delivered bundle together in a temporary folder of its version, while `use` runs. Each must have
 * the bytes that the delivery names.
 * @throws MinutehandError DELIVERY_DAMAGED
 */
export async function withDelivered<Result>(
  source: DeliverySource,
  { version, files }: DeliveredBundle,
  use: (bundle: string) => Promise<Result>,
): Promise<Result> {
  const temporary = temporaryFolder('delivered');
  try {
    const bundle = pathInside(temporary, version);
    MACHINE_FILES.makeFolder(bundle);
    for (const one of files) {
      const seen = `${source.place}: ${OBJECTS}/${one.sha256}`;
      const content = await source.read(one.sha256, one.bytes);
      if (content === null) throw new MinutehandError('DELIVERY_DAMAGED', { seen: `${seen} is not there` });
      if (!isDelivered(one, content)) throw new MinutehandError('DELIVERY_DAMAGED', { seen });
      writeDurably(MACHINE_FILES, pathInside(bundle, one.file), content);
    }
    return await use(bundle);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
