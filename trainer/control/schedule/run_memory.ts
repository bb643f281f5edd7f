import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ShelfName } from '../../../shared/strategies/registry.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { describeError } from '../../../shared/errors.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { registriesOf, type Registry } from '../registry/registry.ts';
import { jobHost, JobRecords } from '../../jobs/records/job_records.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { configAuthor } from '../../../shared/policy/config_starts.ts';
import { configValues, followConfigStarts, noteConfigChanges } from './config_changes.ts';
import { openRunAudit, type RunAudit } from './run_audit.ts';
import { memoryQueue } from './memory_queue.ts';
import { storeQueue, type RunQueue } from './run_queue.ts';

/**
 * Storage of a trainer's runs and bundles: the store, or memory where it cannot be opened.
 */
export interface RunMemory {
  readonly queue: RunQueue;
  /** A registry for each shelf. */
  readonly registries: Readonly<Record<ShelfName, Registry>> | null;
  readonly audit: RunAudit | null;
  /** The jobs of this installation; null without a store. */
  readonly jobs: Pick<JobRecords, 'list' | 'settleDead' | 'cancel'> | null;
  close(): Promise<void>;
}

export function memoryOnly(): RunMemory {
  return {
    queue: memoryQueue(MACHINE_CLOCK),
    registries: null,
    audit: null,
    jobs: null,
    close: () => Promise.resolve(),
  };
}

/** Never fails: a store failure is reported, and training continues without it. */
export async function openRunMemory({ settings, paths, log, print }: TrainerOptions): Promise<RunMemory> {
  try {
    const store = await openStore(storeUrl(process.env, paths));
    try {
      const audit = await openRunAudit(store, settings.retrain, join(paths.log, 'train.log'));
      await followConfigStarts(store, paths.home);
      const author = configAuthor('trainer', process.env);
      await noteConfigChanges(store, configValues(settings), MACHINE_CLOCK, settings.policyHash, author);
      const { market } = settings.minutehand;
      return {
        queue: storeQueue(store, { market, owner: `${hostname()}:${paths.home}`, clock: MACHINE_CLOCK }),
        registries: registriesOf(store, paths),
        audit,
        jobs: new JobRecords(store, { market, host: jobHost(paths), clock: MACHINE_CLOCK }),
        close: () => store.close(),
      };
    } catch (error) {
      await store.close();
      throw error;
    }
  } catch (error) {
    log.warn({ err: error }, 'runs are kept in memory only');
    print(`Training runs are kept in memory only: ${describeError(error).message}`);
    return memoryOnly();
  }
}
