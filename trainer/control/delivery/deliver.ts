import type { RemoteFolder } from '../../../shared/blob/remote_folder.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import {
  DELIVERY_FILE,
  deliveryText,
  isDelivered,
  MAX_DELIVERY_BYTES,
  OBJECTS,
  parseDelivery,
  type DeliveredFile,
  type Delivery,
} from './delivery_file.ts';
import type { LocalDelivery } from './local_delivery.ts';

/** What a delivery has changed on the other machine. */
export interface Delivered {
  /** Files that were sent. */
  readonly sent: number;
  readonly bytes: number;
  /** Versions that are named there now and were not before. */
  readonly versions: readonly string[];
  /** Files that no bundle needs any more. */
  readonly removed: number;
}

/** Files under way at the same time: an upload is some ten calls, each of which waits for its answer. */
const AT_ONCE = 6;

/**
 * Makes a folder on another machine, or in a bucket, equal to the local delivery: files first, then the pointer, then
 * the removal of what it does not name. Whatever has arrived of an earlier, interrupted delivery is kept.
 * @param isChecked whether files that are there are read back as well
 * @throws MinutehandError DELIVERY_*, MODEL_HASH when a bundle changes meanwhile
 */
export async function deliver(place: RemoteFolder, local: LocalDelivery, isChecked: boolean): Promise<Delivered> {
  const { delivery, paths } = local;
  const before = await readFar(place, delivery.sender);
  const there = new Map((await place.list(OBJECTS)).map(({ name, bytes }) => [name, bytes]));
  const wanted = new Map(filesOf(delivery).map((file) => [file.sha256, file]));
  let sent = 0;
  let bytes = 0;

  async function send(file: DeliveredFile): Promise<void> {
    if (there.get(file.sha256) === file.bytes && (!isChecked || (await isWhole(place, file)))) return;
    const content = readModelsFile(paths.get(file.sha256)!, 'content');
    if (!isDelivered(file, content)) throw new MinutehandError('MODEL_HASH', { seen: paths.get(file.sha256)! });
    await place.upload(`${OBJECTS}/${file.sha256}`, content);
    sent += 1;
    bytes += content.length;
  }

  const files = [...wanted.values()];
  for (let first = 0; first < files.length; first += AT_ONCE)
    await Promise.all(files.slice(first, first + AT_ONCE).map(send));
  const text = deliveryText(delivery);
  if (before === null || deliveryText(before) !== text) await place.replace(DELIVERY_FILE, Buffer.from(text));
  const unneeded = [...there.keys()].filter((name) => !wanted.has(name) && !wanted.has(name.replace(/\.part$/, '')));
  for (const name of unneeded) await place.remove(`${OBJECTS}/${name}`);
  const known = new Set(before?.bundles.map(({ version }) => version));
  const versions = delivery.bundles.map(({ version }) => version).filter((version) => !known.has(version));
  return { sent, bytes, versions, removed: unneeded.length };
}

/** What is pointed at there; a damaged file is replaced. @throws MinutehandError DELIVERY_FOREIGN */
async function readFar(place: RemoteFolder, sender: string): Promise<Delivery | null> {
  const bytes = await place.read(DELIVERY_FILE, MAX_DELIVERY_BYTES);
  if (bytes === null) return null;
  let delivery: Delivery;
  try {
    delivery = parseDelivery(bytes, DELIVERY_FILE);
  } catch {
    return null;
  }
  if (delivery.sender === sender) return delivery;
  throw new MinutehandError('DELIVERY_FOREIGN', { seen: delivery.sender, expected: sender });
}

async function isWhole(place: RemoteFolder, file: DeliveredFile): Promise<boolean> {
  const content = await place.read(`${OBJECTS}/${file.sha256}`, file.bytes);
  return content !== null && isDelivered(file, content);
}

function filesOf({ bundles }: Delivery): DeliveredFile[] {
  return bundles.flatMap(({ files }) => files);
}
