import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { homePaths } from '../shared/home.ts';
import { residentBytes } from '../shared/process/memory.ts';
import { Database } from '../shared/store/sqlite.ts';
import { openField, type DaemonArgument, type Field } from './end_to_end/field.ts';
import { startHelper } from './end_to_end/process.ts';
import { benchModels } from './models.ts';

/** What an installation takes without anybody's training. */
export interface Footprint {
  readonly pairs: number;
  /** Minutes of all pairs that were answered. */
  readonly minutes: number;
  /** Resident memory, bytes: of the daemon with warm features and models, and after these minutes. */
  readonly daemon_idle_bytes: number;
  readonly daemon_bytes: number;
  /** Resident memory of the trainer that has stored these signals and has nothing to do; null without /proc. */
  readonly trainer_bytes: number | null;
  /** Bytes on disk of a pair and day of 1,440 minutes, nothing deleted yet: journal, and store of the trainer. */
  readonly journal_bytes_per_pair_day: number;
  readonly store_bytes_per_pair_day: number;
}

export interface FootprintOptions {
  /** Sizes of installations. */
  readonly pairs: readonly number[];
  /** Answers of all pairs of an installation together. */
  readonly signals: number;
  readonly print: (line: string) => void;
}

const MINUTES_PER_DAY = 1440;
const WARM_UP_MINUTES = 60;
const LOOK_EVERY_MS = 500;
/** A store that takes nothing for so long has everything. */
const QUIET_MS = 15_000;
const PATIENCE_MS = 300_000;

/** Memory of daemon and trainer, and bytes on disk, of installations of several sizes. */
export async function benchFootprint({ pairs, signals, print }: FootprintOptions): Promise<readonly Footprint[]> {
  const bundles = (await benchModels(print)).random;
  const found: Footprint[] = [];
  for (const count of pairs) {
    const minutes = Math.ceil(signals / count);
    print(`footprint of ${count} pairs: ${minutes} minutes …`);
    const field = await openField({ pairs: count, bundles, withNull: false });
    try {
      found.push(await footprintOf(field, count, minutes));
    } finally {
      await field.close();
    }
  }
  return found;
}

async function footprintOf(field: Field, pairs: number, minutes: number): Promise<Footprint> {
  for (let i = 0; i < WARM_UP_MINUTES; i++) await field.real.minute();
  const idle = await field.memory();
  const journalBefore = bytesOf(field.journalPath);
  for (let i = 0; i < minutes; i++) await field.real.minute();
  const busy = await field.memory();
  const journal = bytesOf(field.journalPath) - journalBefore;
  const argument: DaemonArgument = { settingsPath: field.settingsPath, home: field.home };
  const trainer = startHelper('trainer', argument);
  try {
    await trainer.next<{ port: number }>((message) => message.port !== undefined);
    const path = homePaths({ MINUTEHAND_HOME: field.home }).trainer;
    const stored = await untilQuiet(path);
    const days = minutes / MINUTES_PER_DAY;
    return {
      pairs,
      minutes,
      daemon_idle_bytes: idle.rss,
      daemon_bytes: busy.rss,
      trainer_bytes: residentBytes(trainer.pid),
      journal_bytes_per_pair_day: journal / days / pairs,
      store_bytes_per_pair_day: bytesOf(path) / (stored / MINUTES_PER_DAY),
    };
  } finally {
    await trainer.end();
  }
}

/** @returns signals in the store once no more come */
async function untilQuiet(path: string): Promise<number> {
  let known = 0;
  let since = performance.now();
  for (const deadline = since + PATIENCE_MS; performance.now() < deadline; await sleep(LOOK_EVERY_MS)) {
    const now = storedSignals(path);
    if (now !== known) since = performance.now();
    known = now;
    if (known > 0 && performance.now() - since > QUIET_MS) return known;
  }
  throw new Error(`the trainer of the bench stored ${known} signals and did not end`);
}

function storedSignals(path: string): number {
  const db = new Database(path, { readonly: true });
  try {
    // The trainer makes it while it starts.
    const exists = db.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'core_signals_history'`).get() !== undefined;
    if (!exists) return 0;
    return (db.prepare('SELECT count(*) AS n FROM core_signals_history').get() as { readonly n: number }).n;
  } finally {
    db.close();
  }
}

/** A database with its write-ahead log. */
function bytesOf(path: string): number {
  return [path, `${path}-wal`].reduce((sum, file) => sum + (existsSync(file) ? statSync(file).size : 0), 0);
}
