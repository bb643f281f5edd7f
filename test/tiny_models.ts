import type { MarketKind } from '../shared/signal/signal.ts';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { signBundle } from '../shared/bundle/bundle.ts';
import { needsLimit } from '../shared/bundle/gates/gate_codes.ts';
import { isMeasured } from '../shared/bundle/gates/gate_result.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import type { Target, TrainOptions } from '../trainer/learning/options/train_options.ts';
import { TINY_MINUTES, tinyBars, tinySettings } from './tiny_settings.ts';

import { passedGates } from './passed_gates.ts';

export { TINY_MINUTES, tinyBars, tinySettings, type SettingsOverrides } from './tiny_settings.ts';

const DIST = join(packageRoot(), 'dist');
/** In dist/, which is replaced when a source changes. */
const KEPT = join(DIST, '.tiny_models');

export interface TinyModelOptions {
  readonly seed?: number;
  /** Market recorded in the manifest; the bars are simulated in any case. */
  readonly market?: MarketKind;
  readonly settings?: Settings;
  readonly bars?: ReadonlyMap<string, BarColumns>;
  /** Search trials; default 0. */
  readonly trials?: number;
  /** Determines the version. By default the same minute for every bundle: later ones are named by its seconds. */
  readonly created?: Date;
  readonly target?: Target;
  /**
   * `passed` (default): the manifest says that all gates passed, which so few bars do not reach; else the bundle could
   * not be promoted. `measured`: as the training found.
   */
  readonly gates?: 'passed' | 'measured';
}

export function tinyTraining(folder: string, options: TinyModelOptions): TrainOptions {
  const settings = options.settings ?? tinySettings();
  return {
    settings,
    bars: options.bars ?? tinyBars(settings),
    market: options.market ?? 'simulated',
    seed: options.seed ?? 7,
    gitCommit: null,
    out: folder,
    counts: folder,
    created: options.created ?? new Date('2024-01-05T12:00:00Z'),
    // Threads need the built code; results are the same (test/cli_commands.chain.test.ts).
    workers: 0,
    cache: null,
    trials: options.trials ?? 0,
    target: options.target ?? 'reversion',
    searchFolder: null,
    holdoutFrom: null,
    onProgress: () => undefined,
  };
}

/**
 * A bundle of models of the simulated market, by the built trainer, or a copy of the one that an earlier test with the
 * same options left. Activates nothing.
 */
export async function tinyModels(
  folder: string,
  options: TinyModelOptions = {},
): Promise<{ version: string; path: string }> {
  // The key signs the bundle.
  const isOwn = options.bars !== undefined || process.env['MINUTEHAND_SIGNING_KEY'] !== undefined;
  const kept = isOwn ? null : join(KEPT, keyOf(folder, options));
  if (kept !== null && existsSync(kept)) {
    const version = readdirSync(kept)[0]!;
    cpSync(kept, folder, { recursive: true });
    return { version, path: join(folder, version) };
  }
  const built = pathToFileURL(join(DIST, 'trainer', 'learning', 'training', 'pipeline.js')).href;
  const { train } = (await import(built)) as typeof import('../trainer/learning/training/pipeline.ts');
  const { version, path } = await train(tinyTraining(folder, options));
  if (options.gates !== 'measured') recordPassedGates(path);
  if (kept !== null) keep(path, version, kept);
  return { version, path };
}

/** Of a gate that vetoes nothing. */
const NO_LIMIT = { relation: null, limit: null };
/** Of one that must have a limit. */
const WITHIN_LIMIT = { value: 0, relation: '>=', limit: 0 };

/** Makes the manifest of a bundle say that all gates passed. A signed one is signed again. */
export function recordPassedGates(path: string): void {
  const file = join(path, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly gates?: readonly { readonly code: string }[] };
  // Their figures miss the limits.
  const gates = (manifest.gates ?? passedGates('pairs').filter(isMeasured)).map((gate) => ({
    ...gate,
    passed: true,
    ...(needsLimit(gate.code) ? WITHIN_LIMIT : NO_LIMIT),
  }));
  writeFileSync(file, `${JSON.stringify({ ...manifest, gates }, null, 1)}\n`);
  if (process.env['MINUTEHAND_SIGNING_KEY'] !== undefined) signBundle(path);
}

/** Copies an unsigned bundle. @param changes of its manifest @returns the version of the copy */
export function copyUnder(models: string, version: string, name: string, changes: object = {}): string {
  cpSync(join(models, version), join(models, name), { recursive: true });
  const manifest = join(models, name, 'manifest.json');
  const own = JSON.parse(readFileSync(manifest, 'utf8')) as object;
  writeFileSync(manifest, JSON.stringify({ ...own, version: name, ...changes }));
  return name;
}

/** A version of each of the first days of 2024, at noon. Those of the third day on are copies of two days before. */
export async function tinyVersions(folder: string, days: number): Promise<void> {
  const noon = (day: number): Date => new Date(Date.UTC(2024, 0, day, 12));
  const versions: string[] = [];
  for (let day = 1; day <= Math.min(days, 2); day++)
    versions.push((await tinyModels(folder, { seed: day, created: noon(day) })).version);
  for (let day = 3; day <= days; day++)
    versions.push(copyUnder(folder, versions[day - 3]!, `2024010${day}_1200`, { created: noon(day).toISOString() }));
}

/** The bundles that are there already determine the name of the next. */
function keyOf(folder: string, { settings = tinySettings(), bars: _, ...others }: TinyModelOptions): string {
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return createHash('sha256')
    .update(
      JSON.stringify([
        process.version,
        TINY_MINUTES,
        names,
        trainedBy(settings),
        { gates: 'passed', limits: 'none', ...others },
      ]),
    )
    .digest('hex');
}

/** What bars and training depend on (test/tiny_models.server.test.ts). */
function trainedBy({ core, retrain, minutehand, policyHash }: Settings): unknown {
  const { market: _, feed: __, transports: ___, log: ____, simulated, ...others } = minutehand;
  return { core, retrain, policyHash, simulated: [simulated.seed, simulated.start], ...others };
}

/** Another test may keep the same at the same time. */
function keep(path: string, version: string, kept: string): void {
  mkdirSync(KEPT, { recursive: true });
  const aside = mkdtempSync(join(KEPT, 'new-'));
  cpSync(path, join(aside, version), { recursive: true });
  try {
    renameSync(aside, kept);
  } catch {
    rmSync(aside, { recursive: true });
  }
}
