import type { HomePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Clock } from '../shared/ports.ts';

export interface DaemonProcessOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly shard: string;
  readonly clock: Clock;
  /** Token for bars from other machines; none = this machine only. */
  readonly token: string | undefined;
  /** Of signal files, where they are shared more widely than the rest; null or none = that of this process. */
  readonly signalsUmask?: number | null;
  /** See `JournalOptions`. */
  readonly maxWaitingRows?: number;
  /** Aborted when the process is to end: a start is given up at its next step. */
  readonly ending?: AbortSignal;
  /** See `LostModelsOptions`; none = lost models are left to others. */
  readonly recoverModels?: () => Promise<string | null>;
  /** Prints one line for a person. */
  print(line: string): void;
}
