import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { bundleSchema, bundleWindows, featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { modelFiles, MONITOR_FILE, NET_FILE, VALIDATION_FILE, type Manifest } from '../../../shared/bundle/manifest.ts';
import { readManifest } from '../../../shared/bundle/bundle.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { decodeTreeModel } from '../../../shared/bundle/onnx/tree_graph.ts';
import type { Tree, TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { BALANCED_ROLES, BALANCES } from '../../../shared/policy/balances.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { CacheOptions } from '../dataset/cache_folder.ts';
import { train } from './pipeline.ts';
import { settingsOfBundle } from '../bundle/bundle_settings.ts';
import { configurationSummary, hashBars } from '../bundle/make_bundle.ts';
import { temporaryFolder } from '../../../shared/temporary_folder.ts';
import { isThere } from '../../../shared/files.ts';

type Bars = ReadonlyMap<string, BarColumns>;

/** Fields that differ in every training. */
const OWN: readonly string[] = ['version', 'created', 'git_commit', 'files'];

/** The settings that the manifest records, in place of the present ones. */
export function recordedSettings(settings: Settings, manifest: Manifest): Settings {
  const { minutehand } = settings;
  const engine = manifest.engine.name as Settings['minutehand']['train']['engine'];
  const { groups: _present, balance: _now, ...train } = minutehand.train;
  const groups = manifest.groups?.map(({ name, pairs }) => [name, pairs] as const);
  const balance = recordedBalance(manifest);
  const recorded = {
    ...train,
    engine,
    ...(balance && { balance }),
    ...(groups && { groups: Object.fromEntries(groups) }),
  };
  const windows = bundleWindows(minutehand.windows, manifest);
  const own: Settings = { ...settings, minutehand: { ...minutehand, train: recorded, windows } };
  // A search starts from the configured parameters; its result is recorded.
  return trialsOf(manifest) > 0 ? own : settingsOfBundle(own, manifest);
}

/** Of older bundles: none. */
function recordedBalance({ configuration = {} }: Manifest): Settings['minutehand']['train']['balance'] {
  const found = BALANCED_ROLES.flatMap((role) => {
    const recorded = configuration[`train.balance.${role}`];
    return BALANCES.filter((name) => name === recorded).map((name) => [role, name] as const);
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function trialsOf({ search }: Manifest): number {
  return search?.ai1?.trials ?? 0;
}

/** Why a bundle cannot be retrained with these settings; empty if it can. */
export function obstacles(manifest: Manifest, settings: Settings): string[] {
  const { warm_start_from: base, imported = {}, search, configuration = {} } = manifest;
  const brought = Object.keys(imported);
  if (brought.length > 0)
    return [`${brought.join(', ')} was brought by \`models import\`: what it was learned from is not here`];
  if (base !== undefined) return [`its models are warm-started from ${base.version}: verify that bundle`];
  if (search !== undefined && search.ai2 === undefined)
    return ['θ2 was searched again on newer bars: verify the bundle with the same models that was trained in full'];
  const schema = bundleSchema(featureSchema(settings.minutehand.windows), manifest).hash;
  if (schema !== manifest.feature_schema)
    return [`it was trained on features ${manifest.feature_schema}; this version and configuration have ${schema}`];
  const present = configurationSummary(settings);
  return Object.entries(configuration).flatMap(([key, recorded]) =>
    present[key] === recorded ? [] : [`${key} was ${recorded}, and is ${present[key] ?? 'absent'}`],
  );
}

/** From the first bar of a bundle until after its last one. */
export function periodOf({ period }: Manifest): { readonly from: OpenTime; readonly to: OpenTime } {
  const seconds = (text: string): number => Date.parse(text) / 1000;
  return { from: seconds(period.from) as OpenTime, to: (seconds(period.to) + SECONDS_PER_BAR) as OpenTime };
}

/** The bars matching the data hash of the manifest, cut to its period if needed; null if these do not match. */
export function barsOfHash(bars: Bars, manifest: Manifest): Bars | null {
  const { from, to } = periodOf(manifest);
  const { formulas } = manifest.windows;
  const cut = new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, from, to)]));
  const withSeries = typeof formulas === 'string' && formulas.includes('series("');
  return [bars, cut].find((some) => hashBars(some, withSeries) === manifest.data_hash) ?? null;
}

/** Description of the bars that were found instead. */
export function describeBars(bars: Bars, manifest: Manifest): string {
  const { from, to } = periodOf(manifest);
  const wanted = new Set(manifest.pairs.flatMap((pair) => pair.split('@')[0]!.split('_')));
  const counts = [...wanted].map((symbol) => {
    const columns = bars.get(symbol);
    const own = columns === undefined ? null : clipBars(columns, from, to);
    return own === null || own.length === 0
      ? `${symbol} none`
      : `${symbol} ${own.length} from ${isoMinute(own.time[0]!)} to ${isoMinute(own.time[own.length - 1]!)}`;
  });
  return `bars from ${manifest.period.from} to ${manifest.period.to}: ${counts.join(', ')}`;
}

export interface Retraining {
  readonly settings: Settings;
  readonly bars: Bars;
  readonly workers: number;
  readonly cache: CacheOptions | null;
  onProgress(stage: string, done: number, total: number): void;
}

/**
 * Trains a bundle again by its recorded seed and settings, and compares the ONNX files and the manifest bit for bit.
 * @returns every difference, most important first; empty = the bundle is what these bars make
 * @throws MinutehandError as `train`
 */
export async function retrainAndCompare(folder: string, options: Retraining): Promise<string[]> {
  const manifest = readManifest(folder);
  const out = temporaryFolder('verify');
  try {
    const { path } = await train({
      ...options,
      market: manifest.market,
      seed: manifest.seed,
      gitCommit: null,
      out,
      counts: out,
      created: new Date(manifest.created),
      target: manifest.files[NET_FILE] === undefined ? 'reversion' : 'net',
      trials: trialsOf(manifest),
      searchFolder: null,
      holdoutLook: manifest.holdout_look?.look ?? 1,
      trialsBefore: manifest.trials === undefined ? 0 : manifest.trials.total - manifest.trials.own,
      holdoutFrom: holdoutOf(manifest, options.settings),
    });
    return compareBundles(folder, path);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** null where the holdout begins at the configured share of the time. */
function holdoutOf(manifest: Manifest, { minutehand: { train: policy } }: Settings): OpenTime | null {
  const { from, to } = periodOf(manifest);
  const last = to - SECONDS_PER_BAR;
  const minutes = Math.floor(((last - from) / SECONDS_PER_BAR) * policy.holdout_fraction);
  const holdoutFrom = Date.parse(manifest.period.holdout_from) / 1000;
  return holdoutFrom === last - minutes * SECONDS_PER_BAR ? null : (holdoutFrom as OpenTime);
}

/** @param again folder of the bundle that was trained again */
export function compareBundles(folder: string, again: string): string[] {
  const given = readManifest(folder);
  const made = readManifest(again);
  const models = [...new Set([...modelFiles(given), ...modelFiles(made)])];
  const ofModels = models.flatMap((file) => compareModels(file, join(folder, file), join(again, file)));
  const ofManifest = Object.keys({ ...given, ...made })
    .filter((key) => !OWN.includes(key))
    .flatMap((key) => compareValues(key, given[key as keyof Manifest], made[key as keyof Manifest]));
  const reports = [VALIDATION_FILE, MONITOR_FILE].filter(
    (file) => read(join(folder, file))?.equals(read(join(again, file)) ?? Buffer.alloc(0)) === false,
  );
  return [...ofModels, ...ofManifest, ...reports.map((file) => `${file} differs`)];
}

const read = (path: string): Buffer | null => (isThere(path) ? readFileSync(path) : null);

function compareModels(file: string, given: string, again: string): string[] {
  const own = read(given);
  const made = read(again);
  if (own === null || made === null) return [`${file} is ${own === null ? 'missing' : 'not made by this training'}`];
  if (own.equals(made)) return [];
  const ownTrees = treesIn(own);
  const madeTrees = treesIn(made);
  if (ownTrees === null || madeTrees === null) return [`${file}: other bytes of a model that is not trees alone`];
  const found = compareTrees(ownTrees, madeTrees);
  return [`${file}: ${found ?? 'other bytes with the same trees'}`];
}

/** null for a model of another kind. */
function treesIn(bytes: Uint8Array): TreeModel | null {
  try {
    return decodeTreeModel(bytes).model;
  } catch (error) {
    if (error instanceof MinutehandError && error.code === 'MODEL_LOAD') return null;
    throw error;
  }
}

/** The first difference in words; null = the same trees. */
function compareTrees(given: TreeModel, made: TreeModel): string | null {
  const all = (model: TreeModel): readonly Tree[] => model.ensembles.flatMap(({ trees }) => trees);
  const own = all(given);
  const again = all(made);
  if (own.length !== again.length) return `${own.length} trees; trained again, ${again.length}`;
  const other = own.map((tree, i) => nodeDifference(tree, again[i]!)).filter((text) => text !== null).length;
  const first = own.findIndex((tree, i) => nodeDifference(tree, again[i]!) !== null);
  if (first >= 0)
    return `${other} of ${own.length} trees differ, first tree ${first}, ${nodeDifference(own[first]!, again[first]!)}`;
  const bases = [given, made].map(({ ensembles }) => ensembles.map(({ baseScore }) => baseScore).join(', '));
  return bases[0] === bases[1] ? null : `base score ${bases[0]}; trained again, ${bases[1]}`;
}

const NODE_FIELDS = ['feature', 'threshold', 'left', 'right', 'missingLeft', 'value', 'cover'] as const;

function nodeDifference(own: Tree, made: Tree): string | null {
  if (own.feature.length !== made.feature.length)
    return `${own.feature.length} nodes; trained again, ${made.feature.length}`;
  for (let node = 0; node < own.feature.length; node++)
    for (const field of NODE_FIELDS) {
      const a = own[field]?.[node];
      const b = made[field]?.[node];
      if (!Object.is(a, b)) return `node ${node}: ${field} ${a}; trained again, ${b}`;
    }
  return null;
}

/** Every path at which two JSON values differ. */
export function compareValues(path: string, given: unknown, made: unknown): string[] {
  if (Object.is(given, made)) return [];
  const isBranch = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isBranch(given) || !isBranch(made)) return [`${path} is ${shown(given)}; trained again, ${shown(made)}`];
  return Object.keys({ ...given, ...made }).flatMap((key) =>
    compareValues(
      Array.isArray(given) ? `${path}[${key}]` : `${path}.${key}`,
      (given as Record<string, unknown>)[key],
      (made as Record<string, unknown>)[key],
    ),
  );
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, 80);
}
