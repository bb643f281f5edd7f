import type { FeatureSchema, InstrumentSchema } from '../../shared/bundle/feature_schema.ts';
import type { ShelfName, StrategyName } from '../../shared/strategies/registry.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { CostModel } from '../../shared/policy/costs.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { JobKind, JobOf } from '../../trainer/jobs/kinds/registry.ts';
import type { ColumnIdentity } from '../../trainer/learning/feature_table/feature_table.ts';
import type { CheckResult } from '../check_result.ts';
import type { Output } from '../output.ts';
import type { PairsFlags } from '../pairs_option.ts';
import type { ExportFlags } from './exported_rows.ts';
import type { ImportFlags } from './import_flags.ts';

/** What commands that take bundles of any strategy ask of one. */
export interface StrategyCommands {
  /** Name of its bundles' shelf. */
  readonly shelf: ShelfName;
  /** What its bundles are of, in an error. */
  readonly subjects: string;
  /** Prints its bundles, oldest first. @returns what `models list --json` tells of them */
  list(modelsFolder: string, output: Output): Readonly<Record<string, unknown>>;
  /** Prints the card of a bundle. @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST */
  show(folder: string, output: Output): void;
  /**
   * Loads a bundle as the daemon does.
   * @returns rows scored per second; null unless timed
   * @throws MinutehandError as the daemon
   */
  score(folder: string, settings: Settings, isTimed: boolean): Promise<number | null>;
  /** Loads what is active as a daemon of this program does. */
  checkActive(settings: Settings, paths: HomePaths): Promise<readonly CheckResult[]>;
  /** Absent: its bundles have no columns. @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST */
  columnsOf?(folder: string, settings: Settings): Promise<BundleColumns>;
  /**
   * Tests a bundle on past bars, and prints what it would have earned; absent: there is no such test.
   * @throws MinutehandError USAGE
   */
  backtest?(flags: BacktestFlags, output: Output): Promise<void>;
  /** How jobs that do its runs are done in this process, and print what came out: a `TrainingAnswer` at least. */
  readonly jobs: { readonly [Kind in JobKind]?: RunJob<Kind> };
  /** The rows that its models are learned from, for other programs; absent: there are none. */
  readonly rows?: ExportedModels;
}

export interface ExportedModels {
  /** Models whose rows can be exported, as `--role` names them. */
  readonly roles: readonly string[];
  /** Writes the rows that a training would learn one of them from. @throws MinutehandError USAGE, and as a training */
  export(flags: ExportFlags, role: string, output: Output): Promise<void>;
  /**
   * Makes a bundle with a model of another program; absent: `models import` does it by a training of the other models.
   * @throws MinutehandError USAGE, and as a training
   */
  import?(file: string, flags: ImportFlags, output: Output): Promise<void>;
}

/** Does a job in this process. @throws MinutehandError of its kind */
export type RunJob<Kind extends JobKind> = (job: JobOf<Kind>, settings: Settings, output: Output) => Promise<void>;

/** The columns of a bundle, and what this version and configuration compute for the same subjects. */
export interface BundleColumns {
  readonly version: string;
  readonly columns: readonly ColumnIdentity[];
  readonly schema: FeatureSchema | InstrumentSchema;
}

export interface BacktestFlags extends PairsFlags {
  readonly data?: string;
  readonly models?: string[];
  readonly strategy?: StrategyName;
  readonly market?: string;
  readonly from?: string;
  readonly to?: string;
  readonly theta1?: string;
  readonly theta2?: string;
  readonly costs: CostModel;
  readonly costTable?: boolean;
  readonly workers?: string;
  readonly out?: string;
  readonly printJob?: boolean;
}
