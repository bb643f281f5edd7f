import type { Command } from 'commander';
import { readManifest } from '../../shared/bundle/bundle.ts';
import { isDirectionBundle, liveInstrumentSchema } from '../../shared/bundle/direction/active_direction.ts';
import { isRuleBundle } from '../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import { readDirectionBundle } from '../../shared/bundle/direction/direction_bundle.ts';
import { loadDirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../shared/bundle/manifest.ts';
import { loadModelSet } from '../../shared/bundle/model_set.ts';
import { describeError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { DEFAULT_CACHE_BYTES } from '../../trainer/learning/strategies/pair_reversion/dataset/pair_cache.ts';
import {
  barsOfHash,
  describeBars,
  obstacles,
  periodOf,
  recordedSettings,
  retrainAndCompare,
} from '../../trainer/learning/training/deep_verification.ts';
import { withOwnPrices } from '../../trainer/jobs/bars/installation_bars.ts';
import { verifyDirectionDeeply } from '../../trainer/jobs/kinds/verify_direction.ts';
import { configOf } from '../config_option.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output, Progress } from '../output.ts';
import { parseWorkers } from '../period.ts';
import { readConfiguredBars } from '../../trainer/jobs/bars/configured_bars.ts';
import { gitCommit } from '../git_commit.ts';

const LINES = 20;
const EXIT = { same: 0, different: 1, impossible: 3 } as const;
const WORDS = {
  same: 'trained again, every model and the manifest are the same to the bit.',
  different: 'trained again, it is another bundle:',
  impossible: 'it cannot be trained again:',
};

interface VerifyFlags {
  readonly deep?: boolean;
  readonly data?: string;
  readonly series?: string;
  readonly config?: string;
  readonly workers?: string;
}

export function addModelsVerify(models: Command, output: () => Output, folderOf: (name: string) => string): void {
  models
    .command('verify')
    .argument('<version or path>')
    .option(
      '--deep',
      'trains it again from the bars of its data hash and compares bit for bit; takes as long as training',
    )
    .option('--data <folder>', 'with --deep: bar files it was trained on (default: bars of this installation)')
    .option('--series <folder>', 'with --deep, of a direction model: folder of its auxiliary series (default: none)')
    .option(
      '--config <place>',
      'with --deep: configuration it was trained with, a folder or one file with all of it (default: the current one)',
    )
    .option('--workers <n>', 'with --deep: threads (default: one for each core)')
    .description(
      'checks signature, hashes, feature schema and golden answers, as the daemon does. Exit code of --deep: 0 same, 1 different, 3 cannot be trained again',
    )
    .action((name: string, flags: VerifyFlags) => verify(folderOf(name), flags, output()));
}

const NO_DEEP_RULE =
  'A rule is not trained: `minutehand strategy judge` or `minutehand evolve` with its seed judges it again on the same bars.';

/** @throws MinutehandError as loadModelSet */
export async function verifyFolder(folder: string, settings = loadSettings()): Promise<Manifest> {
  const set = await loadModelSet(folder, featureSchema(settings.minutehand.windows), 1);
  await set.release();
  return set.manifest;
}

/** @throws MinutehandError as loadDirectionModel */
export async function verifyDirection(folder: string): Promise<string> {
  const { timeframe } = readDirectionBundle(folder).manifest;
  return (await loadDirectionModel(folder, liveInstrumentSchema(timeframe), 1)).manifest.version;
}

async function verify(folder: string, flags: VerifyFlags, output: Output): Promise<void> {
  if (isRuleBundle(folder)) {
    const { version } = readRuleBundle(folder).manifest;
    output.line(`${version}: hashes, feature schema and formulas are right (${folder})`);
    if (flags.deep !== true) return output.result({ version, path: folder, ok: true });
    output.line(`${version}: ${WORDS.impossible}\n  ${NO_DEEP_RULE}`);
    output.result({ version, path: folder, ok: false, deep: 'impossible', differences: [NO_DEEP_RULE] });
    process.exitCode = EXIT.impossible;
    return;
  }
  if (isDirectionBundle(folder)) return verifyOneDirection(folder, flags, output);
  const settings = loadSettings(configOf(flags.config));
  const { version } = await verifyFolder(folder, settings);
  output.line(`${version}: hashes, feature schema and golden answers are right (${folder})`);
  if (flags.deep !== true) return output.result({ version, path: folder, ok: true });
  await reportDeep({ version, folder }, (progress) => verifyDeeply(folder, settings, flags, progress), output);
}

async function verifyOneDirection(folder: string, flags: VerifyFlags, output: Output): Promise<void> {
  const version = await verifyDirection(folder);
  output.line(`${version}: hashes, feature schema and golden answers are right (${folder})`);
  if (flags.deep !== true) return output.result({ version, path: folder, ok: true });
  const settings = loadSettings(configOf(flags.config));
  const verify = async (progress: Progress): Promise<Found> => {
    try {
      return await verifyDirectionDeeply(folder, {
        settings,
        folder: flags.data ?? null,
        series: flags.series ?? null,
        workers: parseWorkers(flags.workers),
        onProgress: (stage, done, total) => progress.update(stage, done, total),
      });
    } catch (error) {
      const { code, message, next } = describeError(error);
      return { verdict: 'impossible', lines: [`${code}: ${message} ${next}`] };
    }
  };
  await reportDeep({ version, folder }, verify, output);
}

/** Trains a bundle again, and prints how it compares. */
async function reportDeep(
  { version, folder }: { readonly version: string; readonly folder: string },
  verify: (progress: Progress) => Promise<Found>,
  output: Output,
): Promise<void> {
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was changed.'] });
  const { verdict, lines } = await verify(progress).finally(() => progress.stop());
  output.line(`${version}: ${WORDS[verdict]}`);
  for (const line of lines.slice(0, LINES)) output.line(`  ${line}`);
  if (lines.length > LINES) output.line(`  and ${lines.length - LINES} more (--json has all)`);
  output.result({ version, path: folder, ok: verdict === 'same', deep: verdict, differences: lines });
  process.exitCode = EXIT[verdict];
}

interface Found {
  readonly verdict: keyof typeof EXIT;
  readonly lines: readonly string[];
}

async function verifyDeeply(folder: string, present: Settings, flags: VerifyFlags, progress: Progress): Promise<Found> {
  const manifest = readManifest(folder);
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  try {
    const priced = await withOwnPrices(withMarket(present, manifest), flags.data);
    const settings = recordedSettings(priced, manifest);
    const reasons = obstacles(manifest, settings);
    if (reasons.length > 0) return { verdict: 'impossible', lines: reasons };
    const bars = await findBars(manifest, settings, flags.data, onProgress);
    if (typeof bars === 'string') return { verdict: 'impossible', lines: [bars] };
    // The model trained here is compared and removed, so it is not signed.
    delete process.env['MINUTEHAND_TRUSTED_KEYS'];
    const workers = parseWorkers(flags.workers, 0);
    const cache = { folder: homePaths().datasetCache, maxBytes: DEFAULT_CACHE_BYTES };
    const differences = await retrainAndCompare(folder, { settings, bars, workers, cache, onProgress });
    if (differences.length === 0) return { verdict: 'same', lines: [] };
    return { verdict: 'different', lines: [...differences, ...codeNote(manifest)] };
  } catch (error) {
    const { code, message, next } = describeError(error);
    return { verdict: 'impossible', lines: [`${code}: ${message} ${next}`] };
  }
}

function withMarket(settings: Settings, { market }: Manifest): Settings {
  return { ...settings, minutehand: { ...settings.minutehand, market } };
}

/** @returns the bars of the data hash, or why there are none */
async function findBars(
  manifest: Manifest,
  settings: Settings,
  data: string | undefined,
  onProgress: (stage: string, done: number, total: number) => void,
) {
  const onBars = (done: number, total: number): void => onProgress('reading bars', done, total);
  const folder = data ?? null;
  const { from, to } = periodOf(manifest);
  const own = await readConfiguredBars(folder, { from, to }, settings, onBars);
  const found =
    barsOfHash(own, manifest) ?? barsOfHash(await readConfiguredBars(folder, {}, settings, onBars), manifest);
  if (found !== null) return found;
  const place = data ?? 'this installation';
  return `the bars of ${place} do not have its data hash ${manifest.data_hash.slice(0, 12)}…: they are gone or changed (${describeBars(own, manifest)}). --data <folder> names others.`;
}

function codeNote({ git_commit }: Manifest): string[] {
  const own = gitCommit();
  return git_commit === own || git_commit === null
    ? []
    : [`it was trained by code ${git_commit}; this is ${own ?? 'unknown'}, which may be the reason`];
}
