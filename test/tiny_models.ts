import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { train, type TrainResult } from '../trainer/pipeline.ts';
import type { Target } from '../trainer/train_options.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

export { TINY_MINUTES, tinyBars, tinySettings, type SettingsOverrides } from './tiny_settings.ts';

export interface TinyModelOptions {
  readonly seed?: number;
  /** The market of the bars in the manifest; they are simulated anyway. */
  readonly market?: 'live' | 'simulated';
  readonly settings?: Settings;
  readonly bars?: ReadonlyMap<string, BarColumns>;
  /** Of the search; 0 unless given. */
  readonly trials?: number;
  /** Gives the version its name; the same minute for every bundle unless given, so that later ones get `_2`, `_3`. */
  readonly created?: Date;
  readonly target?: Target;
}

/** Really trains on the simulated market, in a second or so. Nothing is made active. */
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
    // Threads need the built code; the answers are the same (test/cli_commands.test.ts).
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
