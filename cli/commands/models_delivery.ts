import type { Command } from 'commander';
import type { Override } from '../../shared/bundle/admission/admission.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { deliverOnce } from '../../trainer/control/delivery/delivery.ts';
import type { Delivery } from '../../trainer/control/delivery/delivery_file.ts';
import {
  bundleOf,
  deliveredMarks,
  openDelivered,
  withDelivered,
  type DeliverySource,
} from '../../trainer/control/delivery/receive.ts';
import { endPartly, type Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { isNewHere, type Receipt } from './delivered_models.ts';
import { watchDelivered } from './models_watch.ts';
import { despiteGatesOption, overrideOf, reasonOption, type OverrideFlags } from '../override_option.ts';
import { slotOfTimeframe } from '../../shared/subject/written_names.ts';

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
    .option(
      '--watch <seconds>',
      'goes on until Ctrl-C or SIGTERM and looks again so many seconds after each look; what fails is said once and tried again',
    )
    .description(
      'makes the delivered active models active here, when they are new: hashes, signature, golden answers and gates are checked as by `models promote`. Candidates are never activated',
    )
    .action(async (place: string, { watch, ...flags }: OverrideFlags & { readonly watch?: string }) => {
      const override = overrideOf(flags);
      if (watch === undefined) return receiveNow(place, override, output(), promote);
      // A reason is given for one bundle that a person knows.
      if (override !== null)
        throw new MinutehandError('USAGE', { seen: '--watch with --despite-gates', expected: 'one of the two' });
      await watchDelivered(place, 1000 * parseInteger(watch, '--watch', 1), output());
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

async function receiveNow(place: string, override: Override | null, output: Output, promote: Promote): Promise<void> {
  const source = await openDelivered(place, process.env);
  try {
    const { found, received, missing } = await receive(source, override, output, promote);
    if (found !== null) output.line(`${place} has no newer active models (${found}).`);
    output.written({ target: place, after: { received } });
    output.result({ folder: place, received, missing });
    if (missing.length > 0) endPartly(missing, received.length > 0, output);
  } finally {
    await source.close();
  }
}

/** @throws MinutehandError when nothing could be taken in, and the only new one is refused */
async function receive(
  source: DeliverySource,
  override: Override | null,
  output: Output,
  promote: Promote,
): Promise<Receipt> {
  const { delivery } = source;
  const fresh = delivery.pointers.filter((one) => isNewHere(one));
  if (fresh.length === 0) return { found: countsOf(delivery), received: [], missing: [] };
  const received: unknown[] = [];
  const missing: string[] = [];
  for (const { timeframe, pointer } of fresh) {
    const slot = slotOfTimeframe(timeframe);
    const collected = { ...output, result: (value: unknown) => void received.push(value), written: () => undefined };
    try {
      const bundle = bundleOf(delivery, pointer, slot);
      await withDelivered(source, bundle, (path) => promote(path, override, collected));
      deliveredMarks(homePaths(), slot).raise(pointer);
    } catch (error) {
      if (fresh.length === 1) throw error;
      const { code, message } = describeError(error);
      missing.push(`${timeframe ?? 'pairs'}, ${pointer.version}: ${code}: ${message}`);
    }
  }
  return { found: null, received, missing };
}

function countsOf({ bundles }: Delivery): string {
  const candidates = bundles.filter(({ state }) => state === 'candidate').length;
  return `bundles: ${bundles.length}, of these candidates: ${candidates}`;
}
