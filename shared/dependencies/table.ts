import type { ErrorCode } from '../errors.ts';

/** The processes that check a dependency. */
export type Dependent = 'daemon' | 'trainer';

interface DependencyDeclaration {
  /** What is checked. */
  readonly what: string;
  /** How. */
  readonly check: string;
  /** Codes that a failure may have. */
  readonly codes: readonly ErrorCode[];
  readonly by: readonly Dependent[];
}

/** Time between two checks of a dependency, ms. */
export const CHECK_EVERY_MS = 10_000;
/** A check without an answer after this time has failed, as one of a network folder whose server is gone. */
export const CHECK_TIMEOUT_MS = 8000;

/**
 * Everything outside a process that it needs while it runs. A failure shows within a minute in `status` (exit code 1),
 * `/healthz`, `minutehand_dependency_up` and a notification. docs/reference/DEGRADATIONS.md is generated from this.
 */
export const DEPENDENCIES = {
  journal_file: {
    what: 'The journal `<market>_<shard>.db`.',
    check: 'The file at its path, and its log, are those that were opened; it is whole by its header.',
    codes: ['FILE_REPLACED', 'DATABASE_DAMAGED'],
    by: ['daemon'],
  },
  store: {
    what: 'The store: `trainer.db`, or PostgreSQL.',
    check:
      'The file at its path, and its log, are those that were opened; it is whole by its header, no query met damage, and it answers one.',
    codes: ['FILE_REPLACED', 'DATABASE_DAMAGED', 'STORE_UNUSABLE', 'STORE_VERSION'],
    by: ['trainer'],
  },
  models_folder: {
    what: 'The folder of bundles, its pointers, and the bundles in use.',
    check:
      'Pointer, folder and manifest of each bundle in use are there; by the trainer, which writes there, also as of the exchange folder.',
    codes: ['MODEL_MISSING', 'FOLDER_UNUSABLE', 'DISK_FULL'],
    by: ['daemon', 'trainer'],
  },
  home_folder: {
    what: 'The home folder and its disk.',
    check: 'It is the folder of the start, can be written, and its disk has 16 MB free, or an eighth of a smaller one.',
    codes: ['FOLDER_UNUSABLE', 'DISK_FULL'],
    by: ['daemon', 'trainer'],
  },
  log_folder: {
    what: 'The folder of logs and its disk.',
    check: 'As of the home folder.',
    codes: ['FOLDER_UNUSABLE', 'DISK_FULL'],
    by: ['daemon', 'trainer'],
  },
  exchange_folder: {
    what: 'The folder of signal files or, of the trainer, of fills; and its disk.',
    check:
      'It is on the file system of the start and can be written; its disk has room as that of the home; no other installation has claimed it. Signal files are written as long as the claim lasts, 29 s.',
    codes: ['FOLDER_UNUSABLE', 'DISK_FULL', 'EXCHANGE_TAKEN', 'EXCHANGE_LINK'],
    by: ['daemon', 'trainer'],
  },
  followers: {
    what: 'The accounts that follow the signals: paper accounts, and those of expert advisors.',
    check:
      'The paper account of `minutehand up` runs; a running one takes each signal; no KILL file stops any; none refused three entries in a row, or one for the terminal, the connection or the symbol.',
    codes: ['NOT_FOLLOWED'],
    by: ['trainer'],
  },
  config_folder: {
    what: 'The configuration folder.',
    check: 'Its four files can be read.',
    codes: ['FOLDER_UNUSABLE'],
    by: ['daemon', 'trainer'],
  },
  redis_link: {
    what: 'Redis, once it has answered.',
    check: 'The connections of signals and bars or, of the trainer, of fills are up.',
    codes: ['REDIS_DOWN', 'REDIS_TAKEN', 'STREAM_REFUSED'],
    by: ['daemon', 'trainer'],
  },
  fleet: {
    what: 'The fleet, where MINUTEHAND_QUEUE names one.',
    check: 'The queue answers; in the last day no two workers made different results of one task.',
    codes: ['QUEUE_UNREACHABLE', 'TASK_DIFFERS'],
    by: ['trainer'],
  },
  clock: {
    what: 'The clock of this machine.',
    check:
      'It was not set by more than half a minute in the last ten, and differs by no more from the clock of the lease server.',
    codes: ['CLOCK_STEPPED', 'CLOCK_DIFFERS'],
    by: ['daemon'],
  },
} as const satisfies Readonly<Record<string, DependencyDeclaration>>;

export type DependencyName = keyof typeof DEPENDENCIES;

/** Those that a process checks, in the order of the table. */
export function dependenciesOf(process: Dependent): readonly DependencyName[] {
  return (Object.keys(DEPENDENCIES) as DependencyName[]).filter((name) =>
    (DEPENDENCIES[name].by as readonly Dependent[]).includes(process),
  );
}
