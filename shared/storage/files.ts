/** Folders that files are kept in. */
export const STORAGE_FOLDERS = {
  home: '`MINUTEHAND_HOME`',
  models: '`models` of the home',
  log: '`MINUTEHAND_LOG`, or `log` of the home',
  exchange: '`MINUTEHAND_EXCHANGE`, or the home',
} as const;
export type StorageFolder = keyof typeof STORAGE_FOLDERS;

export interface StoredFile {
  readonly in: StorageFolder;
  /** With `<name>` for what varies, as in PLACEHOLDERS. */
  readonly path: string;
  readonly what: string;
  /** Why it does not grow without end, or what deletes it. */
  readonly bound: string;
  /** Of one file, where the program keeps a limit. */
  readonly maxBytes?: number;
}

const MIB = 2 ** 20;
const NAME = '[a-z][a-z0-9_-]*';
const VERSION = '\\d{8}_[A-Za-z0-9_.-]+';

/** Expressions of what varies in a path. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  market: '(?:live|simulated)',
  shard: NAME,
  process: NAME,
  pair: '[A-Za-z0-9._-]+',
  account: '[A-Za-z0-9._-]+',
  version: VERSION,
  timeframe: '\\d+[mhd]',
  instrument: '[A-Za-z0-9._-]+(@\\d+[mhd])?',
  hash: '[0-9a-f]{32,64}',
  commit: '[0-9a-f]{40,64}',
  model: 'ai[123]',
  number: '\\d+',
  time: '\\d{8}T\\d{9}Z',
  day: '\\d{4}-\\d{2}-\\d{2}',
  file: '[^/]+',
  rest: '.+',
};

/** A lock is a database of no length. */
const LOCK = 'Fixed. An empty file.';
/** The file of `shared/disk_reserve.ts`. */
const RESERVE = 'Fixed: 256 KiB. Used up on a full disk, and made again once there is room.';
const ONE_EACH = 'One each; replaced as a whole.';

/**
 * Every file that the program writes while it runs, with what bounds it. docs/reference/STORAGE.md is generated from
 * this; test/storage.chain.test.ts walks the home of a long run and refuses a file that is not here, or is too long.
 */
export const STORED_FILES: readonly StoredFile[] = [
  {
    in: 'exchange',
    path: 'ea/<account>/calendar.json',
    what: 'Economic calendar of a terminal, with `InpNews`.',
    bound: 'Replaced as a whole: five days of events.',
    maxBytes: 4 * MIB,
  },
  {
    in: 'models',
    path: 'news.json',
    what: 'Economic calendar of the last and the next days, which daemons follow.',
    bound: 'Replaced as a whole: nine days of events.',
    maxBytes: 4 * MIB,
  },
  {
    in: 'home',
    path: '<market>_<shard>.db',
    what: 'Journal of a shard.',
    bound:
      'Signals: `signals_journal_days` of a live market. Inputs stay: they are the bars that later trainings read, 0.7 GB a year for ten pairs. A simulated market keeps 30 of its days.',
  },
  {
    in: 'home',
    path: '<market>_<shard>.db-wal',
    what: 'Its write-ahead log.',
    bound:
      'Written back every 4 MB, and cut to 16 MB after a larger transaction. Readers read pages of a thousand rows, between which it is written back; while a certificate reads its day, or another program reads in one transaction, it grows: 53 kB for each minute of two pairs, 145 kB of ten.',
  },
  { in: 'home', path: '<market>_<shard>.db-shm', what: 'Index of that log.', bound: 'As the log.' },
  {
    in: 'home',
    path: 'trainer.db',
    what: 'The store, unless it is PostgreSQL.',
    bound: 'By table: below. SQLite reuses the room of deleted rows.',
  },
  {
    in: 'home',
    path: 'trainer.db-wal',
    what: 'Its write-ahead log.',
    bound: 'As that of a journal. An import is one transaction: until it ends, the log has its size.',
  },
  { in: 'home', path: 'trainer.db-shm', what: 'Index of that log.', bound: 'As the log.' },
  {
    in: 'home',
    path: 'audit_anchors.jsonl',
    what: 'Hash of each audit entry, outside the database.',
    bound: 'The newest 1 MB from 2 MB on: some 10,000 entries. Each hash covers all entries before.',
    maxBytes: 2 * MIB,
  },
  {
    in: 'home',
    path: 'audit_anchors.jsonl.<time>',
    what: 'Anchors set aside by `audit restart`.',
    bound: 'The newest ten.',
    maxBytes: 2 * MIB,
  },
  {
    in: 'home',
    path: 'audit_kept.jsonl',
    what: 'Audit entries while the store is down.',
    bound:
      'Removed once the store has them. At 16 MB the trainer keeps further ones in memory, and a command says that its own is lost (`AUDIT_FULL`).',
    maxBytes: 17 * MIB,
  },
  {
    in: 'home',
    path: 'config_<shard>.jsonl',
    what: 'Configurations that a daemon has started with, for the audit.',
    bound: 'A line for each change; the newest 100 from 200 on.',
    maxBytes: 16 * MIB,
  },
  {
    in: 'home',
    path: 'daemon_<shard>.fatal.jsonl',
    what: 'Errors that ended a daemon.',
    bound: 'The newest 32 kB from 64 kB on.',
    maxBytes: MIB / 16,
  },
  {
    in: 'home',
    path: '<process>.json',
    what: 'Address of a running process; of `up`, its processes, and how those ended that do not run.',
    bound: ONE_EACH,
    maxBytes: MIB / 16,
  },
  {
    in: 'home',
    path: '<process>_mark_<process>.json',
    what: 'Last accepted pointer, by kind and process.',
    bound: ONE_EACH,
    maxBytes: MIB,
  },
  {
    in: 'home',
    path: 'delivered/<process>_mark_<process>.json',
    what: 'Last received pointer of a delivery.',
    bound: ONE_EACH,
    maxBytes: MIB,
  },
  {
    in: 'home',
    path: 'schedules.json',
    what: 'Until when the times of each schedule are handled.',
    bound: ONE_EACH,
    maxBytes: 4096,
  },
  { in: 'home', path: 'archived_signals.json', what: 'Archived part of each journal.', bound: ONE_EACH, maxBytes: MIB },
  { in: 'home', path: 'lease_id.json', what: 'Random name of the lease server.', bound: 'Fixed.', maxBytes: 1000 },
  { in: 'home', path: 'home_id', what: 'Random name of the home.', bound: 'Fixed.', maxBytes: 100 },
  {
    in: 'home',
    path: 'stop/<process>.<number>.json',
    what: 'Where a process can be asked to end: `up --replace`, `minutehand stop`.',
    bound: 'One for each running process. Those that killed ones left are removed by the next `up` or `stop`.',
    maxBytes: 4096,
  },
  {
    in: 'home',
    path: 'stop/<process>.<number>.sock',
    what: 'Its socket; on Windows a named pipe.',
    bound: 'As that file.',
    maxBytes: 0,
  },
  {
    in: 'home',
    path: 'disk.reserve',
    what: 'Space for entries of the audit on a full disk.',
    bound: RESERVE,
    maxBytes: MIB,
  },
  { in: 'home', path: '<file>.lock', what: 'Locks of processes and files.', bound: LOCK, maxBytes: 4096 },
  {
    in: 'home',
    path: 'cache/dataset/<hash>',
    what: 'Built features and labels.',
    bound: '2 GB: the least recently used are removed.',
  },
  {
    in: 'home',
    path: 'cache/automl/<hash>',
    what: 'Scores of tested formulas.',
    bound: '1 GB: the least recently used are removed.',
  },
  {
    in: 'home',
    path: 'cache/league/<hash>',
    what: 'Finished entrants of interrupted leagues.',
    bound: '256 MB: the least recently used are removed.',
  },
  {
    in: 'home',
    path: 'cache/search/<model>_<hash>.jsonl',
    what: 'Journals of interrupted searches.',
    bound: 'The newest 30.',
  },
  { in: 'home', path: 'cache/search/<model>_<hash>.jsonl.lock', what: 'Of a running search.', bound: LOCK },
  {
    in: 'home',
    path: 'cache/search/finished/<model>_<hash>.jsonl',
    what: 'Journals of ended searches.',
    bound: 'The newest 30.',
  },
  {
    in: 'home',
    path: 'cache/fleet_traces/<time>_<number>.json',
    what: 'Where the fits of trainings with a fleet were done.',
    bound: 'The newest 20.',
  },
  {
    in: 'home',
    path: 'learners/python',
    what: 'Python environment of the networks.',
    bound: 'One, about 1.2 GB; replaced by an installation.',
  },
  {
    in: 'home',
    path: 'backtests/<number>/<file>',
    what: 'Files of backtests from the dashboard.',
    bound: 'The newest 50 backtests.',
  },
  {
    in: 'home',
    path: 'reports/report_<market>_<day>_<day>.html',
    what: 'Weekly reports.',
    bound: '`record_days`.',
    maxBytes: 16 * MIB,
  },
  {
    in: 'home',
    path: 'archive/<rest>',
    what: 'Archive of signals, where `archive_path` is in the home.',
    bound: 'Grows, 20 MB a year for ten pairs; it is what deletion elsewhere relies on. Move old years away.',
  },
  {
    in: 'home',
    path: 'policy/approved.json',
    what: 'Pointer to the approved configuration.',
    bound: ONE_EACH,
    maxBytes: 65_536,
  },
  {
    in: 'home',
    path: 'policy/<commit>/<file>',
    what: 'Files of approved configurations.',
    bound: 'Some 40 kB for each change that a person has approved.',
    maxBytes: MIB,
  },
  {
    in: 'home',
    path: 'policy/repository.git/<rest>',
    what: 'Git repository of changes.',
    bound: 'A commit for each proposed change, some kilobytes.',
  },
  { in: 'models', path: '<version>/<file>', what: 'Bundles of pairs.', bound: '`model_version_retention`.' },
  {
    in: 'models',
    path: 'direction/<version>/<file>',
    what: 'Bundles of the direction model.',
    bound: '`model_version_retention`, for each timeframe.',
  },
  {
    in: 'models',
    path: 'direction/<timeframe>.json',
    what: 'Active direction model.',
    bound: ONE_EACH,
    maxBytes: 65_536,
  },
  {
    in: 'models',
    path: 'rule/<version>/<file>',
    what: 'Rules with their verdicts.',
    bound: '`model_version_retention`, for each instrument.',
  },
  {
    in: 'models',
    path: 'rule/<instrument>.json',
    what: 'The rule that is served for an instrument.',
    bound: ONE_EACH,
    maxBytes: 65_536,
  },
  {
    in: 'models',
    path: 'rule/shadow_<instrument>.json',
    what: 'The rule in shadow of an instrument.',
    bound: ONE_EACH,
    maxBytes: 65_536,
  },
  {
    in: 'models',
    path: 'searched/<hash>.json',
    what: 'Hashes of the rules that a search has tried.',
    bound: 'The newest 50 searches. Above 150,000 rules it has the questions of its space alone.',
    maxBytes: 4 * MIB,
  },
  {
    in: 'models',
    path: 'searched/let_go.json',
    what: 'Hashes of the questions that older searches have asked.',
    bound: 'One; 100,000 questions.',
    maxBytes: 4 * MIB,
  },
  {
    in: 'models',
    path: 'disk.reserve',
    what: 'Space for `halt`, a rollback and other changes of pointers on a full disk.',
    bound: RESERVE,
    maxBytes: MIB,
  },
  {
    in: 'models',
    path: '<process>.json',
    what: 'Pointers, halts, evaluations of holdouts, trials before them.',
    bound: ONE_EACH,
    maxBytes: 4 * MIB,
  },
  {
    in: 'models',
    path: '<process>/<process>.json',
    what: 'Metadata for other programs.',
    bound: ONE_EACH,
    maxBytes: MIB,
  },
  { in: 'models', path: '<file>.lock', what: 'Locks.', bound: LOCK, maxBytes: 4096 },
  {
    in: 'log',
    path: '<process>.log',
    what: 'Logs.',
    bound: 'At 64 MB renamed to `.full`; under systemd rotated daily or at 50 MB, fourteen files.',
    maxBytes: 80 * MIB,
  },
  { in: 'log', path: '<process>.log.full', what: 'The log before.', bound: 'One for each log.', maxBytes: 80 * MIB },
  {
    in: 'exchange',
    path: 'signals/<pair>/signal.json',
    what: 'Last signal of a pair.',
    bound: 'One for each pair that was ever configured.',
    maxBytes: 65_536,
  },
  {
    in: 'exchange',
    path: 'signals/<process>.json',
    what: 'Signals of all pairs, and the owner of the folder.',
    bound: ONE_EACH,
    maxBytes: 4 * MIB,
  },
  {
    in: 'exchange',
    path: 'ea/<account>/result.json',
    what: 'Fills of a consumer, which it writes itself.',
    bound: 'Some 400 bytes a fill. The paper account and the expert advisor rename it to `result.json.1` at 16 MB.',
  },
  { in: 'exchange', path: 'ea/<account>/result.json.1', what: 'The fills before.', bound: 'One for each account.' },
  {
    in: 'exchange',
    path: 'ea/<account>/trace.jsonl',
    what: 'Every text that the expert advisor checked, where `InpTrace` is set.',
    bound: 'Renamed to `trace.jsonl.1` at 16 MB.',
  },
  { in: 'exchange', path: 'ea/<account>/trace.jsonl.1', what: 'The texts before.', bound: 'One for each account.' },
  {
    in: 'exchange',
    path: 'ea/<account>/<file>',
    what: 'Account and positions of a consumer.',
    bound: 'One for each pair; replaced as a whole.',
    maxBytes: MIB,
  },
];

/** Files that a killed process may leave behind; the next start of the trainer removes them, see leftovers.ts. */
export const LEFTOVERS = 'Names that end in `.tmp` with the number of a process that has ended.';

/** Whether a path, relative to a folder, has this form. */
export function isOfForm(form: string, path: string): boolean {
  const parts = form.split(/<(\w+)>/).map((part, index) => {
    if (index % 2 === 0) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const known = PLACEHOLDERS[part];
    if (known === undefined) throw new Error(`no placeholder <${part}>`);
    return known;
  });
  return new RegExp(`^${parts.join('')}$`).test(path);
}

/** The first entry of a folder that a path, relative to it, has the form of. */
export function storedFileOf(folder: StorageFolder, path: string): StoredFile | null {
  return STORED_FILES.find((file) => file.in === folder && isOfForm(file.path, path)) ?? null;
}
