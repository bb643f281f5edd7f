import type { Logger } from 'pino';
import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';

export interface TrainerOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  /**
   * Program and first arguments of the command line, e.g. `['node', 'bin/minutehand.mjs']`: training runs in a process
   * of its own.
   */
  readonly command: readonly string[];
  /** Port of a trainer that this one continues, instead of the configured one. */
  readonly port?: number;
  /** Token that clients on other machines must present to change something; none = they are refused. */
  readonly token?: string | undefined;
  /** Aborted when the process is to end: a start is given up at its next step. */
  readonly ending?: AbortSignal;
  print(line: string): void;
}
