import type { MarketKind } from './market_kind.ts';
import { join, resolve } from 'node:path';
import { packageRoot } from './root.ts';

/** Locations of run-time data. Only paths: nothing is created here. All are absolute. */
export interface HomePaths {
  readonly home: string;
  /** `<signals>/<pair_id>/signal.json`, and all pairs of a shard in one file (`allSignalsFile`). */
  readonly signals: string;
  /** Folder of expert advisors: `<ea>/<account>/result.json`. */
  readonly ea: string;
  readonly log: string;
  /** Model bundles, one folder each, and `active.json`. */
  readonly models: string;
  /** The trainer's SQLite file, when no PostgreSQL is named. */
  readonly trainer: string;
  /** Entries of the audit that wait for the store; see trainer/control/api/kept_audit.ts. */
  readonly keptAudit: string;
  /** Built features and labels, kept from one training to the next; may be deleted at any time. */
  readonly datasetCache: string;
  /** Scores of tested formulas; may be deleted at any time. */
  readonly candidateCache: string;
  /** Finished entrants of interrupted leagues; may be deleted at any time. */
  readonly leagueCache: string;
  /** Bars that a market of replayed history plays; see daemon/feed/replayed.ts. */
  readonly replay: string;
  /** Files that are being received, previewed and imported; the trainer removes at its start what a kill has left. */
  readonly uploads: string;
  /** Journals of searches: one that was cut off resumes there; `finished/` has the last that have ended. */
  readonly searches: string;
  /** Where the fits of trainings with a fleet were done. */
  readonly fleetTraces: string;
  /** The virtual environment of Python that `minutehand learners install` makes. */
  readonly learnersPython: string;
  /** The approved configuration, and the repository of its changes; see approved.ts. */
  readonly policy: string;
  /** Until when the times of each schedule are handled, recorded by the trainer; see control/cron/kept_times.ts. */
  readonly schedules: string;
  /** Archived part of each journal, recorded by the trainer; see shared/store/archived_signals.ts. */
  readonly archivedSignals: string;
  /** The SQLite file of one daemon shard. A live and a simulated market never share one. */
  journal(market: MarketKind, shard: string): string;
  /** The configurations that the daemon of a shard has started with, a line each; see config_starts.ts. */
  configStarts(shard: string): string;
  /** The lock of a process of this kind, e.g. `trainer` or `daemon_main`: one of a kind per home. */
  lock(kind: string): string;
  /**
   * File with the endpoint of a process of this kind; it exists as long as the process listens, and after it was
   * killed.
   */
  address(kind: string): string;
}

/** Those that are no functions, as data that can be sent to a thread. */
export type PlainPaths = {
  readonly [Name in keyof HomePaths as HomePaths[Name] extends string ? Name : never]: string;
};

export function plainPaths(paths: HomePaths): PlainPaths {
  const plain = Object.entries(paths).filter(([, path]) => typeof path === 'string');
  return Object.fromEntries(plain) as unknown as PlainPaths;
}

/** The paths whose `plainPaths` these are. */
export function pathsOf(plain: PlainPaths): HomePaths {
  return { ...homePaths({ MINUTEHAND_HOME: plain.home }), ...plain };
}

/**
 * The folders of one installation. MINUTEHAND_HOME, or `<package root>/var`; bundles are in `<package root>/models`
 * unless MINUTEHAND_HOME is set. MINUTEHAND_EXCHANGE moves `signals` and `ea`, the two folders that MetaTrader uses,
 * which can access only its own; MINUTEHAND_LOG moves the logs. Relative paths start at the working directory; an empty
 * variable counts as unset.
 */
export function homePaths(env: NodeJS.ProcessEnv = process.env): HomePaths {
  const chosen = env['MINUTEHAND_HOME'];
  const isChosen = chosen !== undefined && chosen !== '';
  const home = isChosen ? resolve(chosen) : join(packageRoot(), 'var');
  const exchange = env['MINUTEHAND_EXCHANGE'] ? resolve(env['MINUTEHAND_EXCHANGE']) : home;
  return {
    home,
    signals: join(exchange, 'signals'),
    ea: join(exchange, 'ea'),
    log: env['MINUTEHAND_LOG'] ? resolve(env['MINUTEHAND_LOG']) : join(home, 'log'),
    models: isChosen ? join(home, 'models') : join(packageRoot(), 'models'),
    trainer: join(home, 'trainer.db'),
    keptAudit: join(home, 'audit_kept.jsonl'),
    datasetCache: join(home, 'cache', 'dataset'),
    candidateCache: join(home, 'cache', 'automl'),
    leagueCache: join(home, 'cache', 'league'),
    replay: join(home, 'replay'),
    uploads: join(home, 'cache', 'uploads'),
    searches: join(home, 'cache', 'search'),
    fleetTraces: join(home, 'cache', 'fleet_traces'),
    learnersPython: join(home, 'learners', 'python'),
    policy: join(home, 'policy'),
    schedules: join(home, 'schedules.json'),
    archivedSignals: join(home, 'archived_signals.json'),
    journal: (market, shard) => join(home, `${market}_${shard}.db`),
    configStarts: (shard) => join(home, `config_${shard}.jsonl`),
    lock: (kind) => join(home, `${kind}.lock`),
    address: (kind) => join(home, `${kind}.json`),
  };
}
