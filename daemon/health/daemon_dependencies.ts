import { clockSteps } from '../../shared/dependencies/clock_step.ts';
import { databaseInUse } from '../../shared/dependencies/database.ts';
import { folderInUse, readableFiles } from '../../shared/dependencies/files.ts';
import { bundlesInUse, type BundleInUse } from '../../shared/dependencies/models.ts';
import type { DependencyCheck, DependencyChecks } from '../../shared/dependencies/watch.ts';
import { removeForeignLinks } from '../../shared/foreign_links.ts';
import { knownError, MinutehandError } from '../../shared/errors.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { ExchangeOwner } from '../../shared/owner/exchange_owner.ts';
import { configPaths, type Settings } from '../../shared/policy/policy.ts';
import type { ConnectionState } from './health.ts';

/** A machine whose clock is off by more answers bars late or takes them for future ones. */
const MAX_CLOCK_STEP_MS = 30_000;
const CLOCK_STEP_SHOWN_MS = 600_000;

export interface DaemonDependencies {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly journalPath: string;
  /** Set once the daemon is assembled. */
  modelsInUse(): readonly BundleInUse[];
  redisStates(): readonly ConnectionState[];
  /** Another installation that publishes there; null = none. */
  redisTakenBy(): string | null;
  /** Of the exchange folder; null = no files are written. */
  readonly exchange: Pick<ExchangeOwner, 'claim' | 'isOwn'> | null;
  wallMs(): number;
  uptimeMs(): number;
  /** Throws while the lease server's clock differs from this one. */
  leaseClock(): void;
}

/** The checks of a daemon; see shared/dependencies/table.ts. */
export function daemonChecks(options: DaemonDependencies): DependencyChecks {
  const { settings, paths, journalPath, wallMs, uptimeMs } = options;
  const { transports } = settings.minutehand;
  const steps = clockSteps({ wallMs, uptimeMs, maxStepMs: MAX_CLOCK_STEP_MS, reportedMs: CLOCK_STEP_SHOWN_MS });
  return {
    journal_file: databaseInUse(journalPath),
    models_folder: bundlesInUse(() => options.modelsInUse()),
    home_folder: folderInUse(paths.home),
    log_folder: folderInUse(paths.log, { mayBeAbsent: true }),
    ...(options.exchange !== null && { exchange_folder: exchangeFolder(paths.signals, options.exchange) }),
    config_folder: readableFiles(configPaths(settings.sources.configDir)),
    ...(transports.redis.enabled !== 'off' && { redis_link: redisLink(options) }),
    clock: all(steps, () => options.leaseClock()),
  };
}

/**
 * Checks the folder, and claims it again: files are written as long as the claim lasts. A folder in another place, such
 * as below a mount that is gone, is not claimed: what is written there is not where consumers look, or is later hidden.
 */
function exchangeFolder(path: string, exchange: Pick<ExchangeOwner, 'claim' | 'isOwn'>): DependencyCheck {
  const folder = folderInUse(path, { mayBeRemade: true, mayBeAbsent: true, isSame: () => exchange.isOwn() });
  return async () => {
    const links = removeForeignLinks(path);
    let fault: unknown = links.length === 0 ? null : new MinutehandError('EXCHANGE_LINK', { seen: links.join(', ') });
    try {
      await folder();
    } catch (error) {
      // With little room left, files are still written.
      if (knownError(error)?.code !== 'DISK_FULL') throw error;
      fault = error;
    }
    try {
      exchange.claim();
    } catch (error) {
      if (error instanceof MinutehandError) throw error;
      if (fault !== null) throw fault;
      const { code } = error as NodeJS.ErrnoException;
      throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${path} cannot be written (${code})`, cause: error });
    }
    if (fault !== null) throw fault;
  };
}

/** Checks one after the other. */
function all(...checks: readonly DependencyCheck[]): DependencyCheck {
  return async () => {
    for (const check of checks) await check();
  };
}

/** Redis that has not answered since the start is not used yet: `enabled: auto`. */
function redisLink({
  redisStates,
  redisTakenBy,
}: Pick<DaemonDependencies, 'redisStates' | 'redisTakenBy'>): DependencyCheck {
  const wasUp = new Set<number>();
  return () => {
    const taken = redisTakenBy();
    if (taken !== null) throw new MinutehandError('REDIS_TAKEN', { seen: taken });
    for (const [index, state] of redisStates().entries()) {
      if (state === 'up' || state === 'refused') wasUp.add(index);
      else if (state === 'down' && wasUp.has(index)) throw new MinutehandError('REDIS_DOWN');
    }
  };
}
