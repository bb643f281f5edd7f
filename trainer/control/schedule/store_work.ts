import type { Logger } from 'pino';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';

/** Retry interval while the store is unavailable. */
export const STORE_RETRY_MS = 10_000;

/** Options of repeated work on the store. */
export interface StoreWorkOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  print(line: string): void;
  /** Environment with the URLs of the store and others; the process's unless given. */
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
}

export interface StoreWork {
  /** Does the work that is due. Never rejects. */
  pass(): Promise<void>;
  stop(): Promise<void>;
}
