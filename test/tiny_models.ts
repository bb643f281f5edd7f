import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { train, type TrainResult } from '../trainer/pipeline.ts';
import type { Target } from '../trainer/train_options.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

export { TINY_MINUTES, tinyBars, tinySettings, type SettingsOverrides } from './tiny_settings.ts';

export interface TinyModelOptions {
  readonly seed?: number;
  /** Market recorded in the manifest; the bars are simulated in any case. */
  readonly market?: 'live' | 'simulated';
  readonly settings?: Settings;
  readonly bars?: ReadonlyMap<string, BarColumns>;
  /** Search trials; default 0. */
  readonly trials?: number;
  /** Determines the version's name; by default the same minute for every bundle, so that later ones get `_2`, `_3`. */
  readonly created?: Date;
  readonly target?: Target;
}

/** Trains on the simulated market, in about a second. Activates nothing. */
export async function trainTinyModels(
  folder: string,
  options: TinyModelOptions = {},
): Promise<{ version: string; path: string; result: TrainResult }> {
  const settings = options.settings ?? tinySettings();
  const result = await train({
    settings,
    bars: options.bars ?? tinyBars(settings),
    market: options.market ?? 'simulated',
    seed: options.seed ?? 7,
    gitCommit: null,
    out: folder,
    created: options.created ?? new Date('2024-01-05T12:00:00Z'),
    // Threads need the built code; results are the same (test/cli_commands.test.ts).
    workers: 0,
    cache: null,
    trials: options.trials ?? 0,
    target: options.target ?? 'reversion',
    searchFolder: null,
    holdoutFrom: null,
    onProgress: () => undefined,
  });
  return { version: result.version, path: result.path, result };
}
