import type { MarketKind } from '../../../shared/signal/signal.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { ModelName } from '../../../shared/core/features/feature.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { FeatureSource } from '../feature_table/feature_table.ts';
import type { CacheOptions } from '../dataset/cache_folder.ts';
import type { Scratch } from '../strategies/pair_reversion/dataset/scratch.ts';
import type { OpenFitPool } from '../learners/trees/fit_pool.ts';

/** reversion: AI1 as published. net: also a model of the result, which supplies `expected_net_bps`. */
export const TARGETS = ['reversion', 'net'] as const;
export type Target = (typeof TARGETS)[number];

/** What a warm start changes of the models of the last full training: a few more trees, or probabilities alone. */
export const UPDATES = ['trees', 'calibration'] as const;
export type Update = (typeof UPDATES)[number];

/** A model of another program, to be used in place of a trained one. */
export interface ImportedSource {
  /** An ONNX file. */
  readonly file: string;
  /** A JSON file that says how columns are prepared; null = none. */
  readonly preprocess: string | null;
  /** Labels that it was learned from were known before this. */
  readonly learnedUntil: OpenTime;
}

export interface TrainOptions {
  readonly settings: Settings;
  readonly bars: ReadonlyMap<string, BarColumns>;
  /**
   * Where the new models are compared with the active ones of `out`: the bars of this comparison, with those of other
   * symbols that the active models read; absent: they are not compared.
   */
  readonly compared?: ReadonlyMap<string, BarColumns>;
  /** Origin of the bars; stated in manifest and card. */
  readonly market: MarketKind;
  readonly seed: number;
  /** Of a full training; a warm start has what its base has. Default: reversion. */
  readonly target?: Target;
  /** Of a warm start; absent: trees. */
  readonly update?: Update | undefined;
  readonly gitCommit: string | null;
  /** Folder of bundles to write into. */
  readonly out: string;
  /**
   * Folder of the counts of evaluations and trials: the models folder of the home, wherever bundles are written, since
   * what was evaluated are its bars.
   */
  readonly counts: string;
  readonly created: Date;
  /** Whether the name of the bundle ends in a hash of its configuration. */
  readonly hashName?: boolean;
  /** Whether it ends in engine and horizon. */
  readonly settingsName?: boolean;
  /** Threads to learn on; 0 = on the calling one. They affect speed only. */
  readonly workers: number;
  /** Does the fits; absent: threads of this process. */
  readonly openPool?: OpenFitPool;
  /** Cache of features and labels; null = none. */
  readonly cache: CacheOptions | null;
  /** Where the histories of pairs are while a training learns; null or absent: in memory. */
  readonly scratch?: Scratch | null;
  /** Features and labels from outside, in place of the engine's; absent = none. */
  readonly source?: FeatureSource | null;
  /** Models that are brought rather than trained; absent = none. */
  readonly imported?: Partial<Readonly<Record<ModelName, ImportedSource>>>;
  /** Trials of AI1's parameters; 0 learns by the configured ones and takes the initial thresholds. */
  readonly trials: number;
  /** Folder of interrupted searches; null = none. */
  readonly searchFolder: string | null;
  /** Number of this evaluation of the holdout, when a bundle is made again; absent: it is counted. */
  readonly holdoutLook?: number;
  /**
   * Trials of other works on the bars before the holdout, when a bundle is made again; absent: those that are counted.
   */
  readonly trialsBefore?: number;
  /** Start of the holdout; null = at the configured share of the time. */
  readonly holdoutFrom: OpenTime | null;
  onProgress(stage: string, done: number, total: number): void;
  /** What a person should know of a training that succeeds, such as pairs without bars. */
  onNote?(line: string): void;
}
