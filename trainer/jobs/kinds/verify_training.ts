import { readManifest } from '../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { loadModelSet } from '../../../shared/bundle/model_set.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { DEFAULT_CACHE_BYTES } from '../../learning/strategies/pair_reversion/dataset/pair_cache.ts';
import {
  barsOfHash,
  describeBars,
  obstacles,
  periodOf,
  recordedSettings,
  retrainAndCompare,
} from '../../learning/training/deep_verification.ts';
import { readConfiguredBars } from '../bars/configured_bars.ts';
import { withOwnPrices } from '../bars/installation_bars.ts';

/** What a bundle is trained again with. */
export interface DeepVerification {
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'datasetCache'>;
  /** Folder of bars; null: those of this installation. */
  readonly folder: string | null;
  /** Folder of auxiliary series; null: those of the bars. */
  readonly series: string | null;
  readonly workers: number;
  /** Of this program; null outside a repository. */
  readonly gitCommit: string | null;
  onProgress(stage: string, done: number, total: number): void;
}

/** How a bundle compares with one that was trained again. */
export interface DeepVerdict {
  readonly verdict: 'same' | 'different' | 'impossible';
  /** The differences, most important first, or why it cannot be trained again. */
  readonly lines: readonly string[];
}

/**
 * Loads a bundle of pairs as the daemon does.
 * @returns its version
 * @throws MinutehandError as loadModelSet
 */
export async function verifyPairs(folder: string, { minutehand }: Settings): Promise<string> {
  const set = await loadModelSet(folder, featureSchema(minutehand.windows), 1);
  await set.release();
  return set.manifest.version;
}

/**
 * Trains a bundle of pairs again from the bars of its data hash, with the settings that it records, and compares bit
 * for bit.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT and as `train`
 */
export async function verifyPairsDeeply(folder: string, options: DeepVerification): Promise<DeepVerdict> {
  const { settings: present, paths, workers, gitCommit, onProgress } = options;
  const manifest = readManifest(folder);
  const priced = await withOwnPrices(withMarket(present, manifest), options.folder ?? undefined);
  const settings = recordedSettings(priced, manifest);
  const reasons = obstacles(manifest, settings);
  if (reasons.length > 0) return { verdict: 'impossible', lines: reasons };
  const bars = await findBars(manifest, settings, options);
  if (typeof bars === 'string') return { verdict: 'impossible', lines: [bars] };
  // The model trained here is compared and removed, so it is not signed.
  delete process.env['MINUTEHAND_TRUSTED_KEYS'];
  const cache = { folder: paths.datasetCache, maxBytes: DEFAULT_CACHE_BYTES };
  const differences = await retrainAndCompare(folder, { settings, bars, workers, cache, onProgress });
  if (differences.length === 0) return { verdict: 'same', lines: [] };
  return { verdict: 'different', lines: [...differences, ...codeNote(manifest, gitCommit)] };
}

function withMarket(settings: Settings, { market }: Manifest): Settings {
  return { ...settings, minutehand: { ...settings.minutehand, market } };
}

/** @returns the bars of the data hash, or why there are none */
async function findBars(manifest: Manifest, settings: Settings, { folder, onProgress }: DeepVerification) {
  const onBars = (done: number, total: number): void => onProgress('reading bars', done, total);
  const { from, to } = periodOf(manifest);
  const own = await readConfiguredBars(folder, { from, to }, settings, onBars);
  const found =
    barsOfHash(own, manifest) ?? barsOfHash(await readConfiguredBars(folder, {}, settings, onBars), manifest);
  if (found !== null) return found;
  const place = folder ?? 'this installation';
  return `the bars of ${place} do not have its data hash ${manifest.data_hash.slice(0, 12)}…: they are gone or changed (${describeBars(own, manifest)}). --data <folder> names others.`;
}

function codeNote({ git_commit }: Manifest, own: string | null): string[] {
  return git_commit === own || git_commit === null
    ? []
    : [`it was trained by code ${git_commit}; this is ${own ?? 'unknown'}, which may be the reason`];
}
