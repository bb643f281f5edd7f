import type { Command } from 'commander';
import type { Override } from '../../shared/bundle/admission/admission.ts';
import { listVersions } from '../../shared/bundle/bundle.ts';
import { readActiveOfSlot, shelfOfSlot } from '../../shared/bundle/shelves/registry.ts';
import { describeError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { deliverOnce } from '../../trainer/control/delivery/delivery.ts';
import type { DeliveredPointer, Delivery } from '../../trainer/control/delivery/delivery_file.ts';
import {
  bundleOf,
  deliveredMarks,
  openDelivered,
  withDelivered,
  type DeliverySource,
} from '../../trainer/control/delivery/receive.ts';
import { endPartly, type Output } from '../output.ts';
import { despiteGatesOption, overrideOf, reasonOption, type OverrideFlags } from '../override_option.ts';

/** Takes in a bundle by its folder, and makes it active: the lock of `models promote`. */
type Promote = (folder: string, override: Override | null, output: Output) => Promise<void>;

export function addModelsDelivery(models: Command, output: () => Output, promote: Promote): void {
  models
    .command('deliver')
    .description(
      'sends all bundles and the pointer to the active one to delivery_target (SFTP, S3), and reads back what is there; the trainer does the same whenever they change',
    )
    .action(() => deliverNow(output()));
  models
    .command('receive')
    .argument('<place>', 'the folder of delivery_target, on the machine that has it, or its s3://… address')
    .addOption(despiteGatesOption())
    .addOption(reasonOption())
    .description(
      'makes the delivered active models active here, when they are new: hashes, signature, golden answers and gates are checked as by `models promote`. Candidates are never activated',
    )
    .action(async (place: string, flags: OverrideFlags) => {
      const source = await openDelivered(place, process.env);
      try {
        await receive(source, overrideOf(flags), output(), promote);
      } finally {
        await source.close();
      }
    });
}

async function deliverNow(output: Output): Promise<void> {
  const settings = loadSettings();
  const damaged: { version: string; reason: string }[] = [];
  const delivered = await deliverOnce({ settings, paths: homePaths() }, true, (version, reason) => {
    damaged.push({ version, reason });
    output.note(`${version} is damaged and not delivered: ${reason}`);
  });
  const target = settings.retrain.delivery_target!;
  const { sent, bytes, versions, removed } = delivered;
  const names = versions.length === 0 ? '' : ` New there: ${versions.join(', ')}.`;
  output.line(`${target} is up to date. Files sent: ${sent} (${bytes} bytes); removed: ${removed}.${names}`);
  output.written({ target, after: { ...delivered } });
  output.result({ target, ...delivered, damaged });
}

async function receive(
  source: DeliverySource,
  override: Override | null,
  output: Output,
  promote: Promote,
): Promise<void> {
  const { place: folder, delivery } = source;
  const fresh = delivery.pointers.filter((one) => isNew(one));
  if (fresh.length === 0) {
    output.line(`${folder} has no newer active models (${countsOf(delivery)}).`);
    output.written({ target: folder, after: { received: [] } });
    output.result({ folder, received: [] });
    return;
  }
  const received: unknown[] = [];
  const missing: string[] = [];
  for (const { timeframe, pointer } of fresh) {
    const collected = { ...output, result: (value: unknown) => void received.push(value), written: () => undefined };
    try {
      const bundle = bundleOf(delivery, pointer, timeframe);
      await withDelivered(source, bundle, (path) => promote(path, override, collected));
      deliveredMarks(homePaths(), timeframe).raise(pointer);
    } catch (error) {
      if (fresh.length === 1) throw error;
      const { code, message } = describeError(error);
      missing.push(`${timeframe ?? 'pairs'}, ${pointer.version}: ${code}: ${message}`);
    }
  }
  output.written({ target: folder, after: { received } });
  output.result({ folder, received });
  if (missing.length > 0) endPartly(missing, received.length > 0, output);
}

/** @throws MinutehandError POINTER_ROLLBACK, POINTER_SIGNATURE, POINTER_EXPIRED, POINTER_MARK */
function isNew({ timeframe, pointer }: DeliveredPointer): boolean {
  const paths = homePaths();
  const marks = deliveredMarks(paths, timeframe);
  marks.check(pointer);
  const received = marks.read();
  if (received !== null && received.serial === pointer.serial) return false;
  const active = readActiveOfSlot(paths.models, timeframe);
  const folder = shelfOfSlot(timeframe).folder(paths.models);
  return active?.version !== pointer.version || !listVersions(folder).includes(pointer.version);
}

function countsOf({ bundles }: Delivery): string {
  const candidates = bundles.filter(({ state }) => state === 'candidate').length;
  return `bundles: ${bundles.length}, of these candidates: ${candidates}`;
}
