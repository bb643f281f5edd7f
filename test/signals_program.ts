/**
 * For tests that kill a history: `<home> <store> <first day> <days> <minutes> <days kept> <die at>` is a daemon and a
 * trainer in one, with their own clock. Each day, signals are journaled, copied in batches, archived when the day is
 * over, and deleted from the journal. It resumes where it was killed. Step n counts transactions and archive files;
 * step 0 is never killed.
 */
import { utcDay } from '../shared/utc_day.ts';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OpenTime } from '../shared/bar.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import type { Clock } from '../shared/ports.ts';
import { openJournal } from '../shared/store/journal.ts';
import { createArchive } from '../trainer/control/history/archive.ts';
import { archiveAlone } from '../trainer/control/history/archive_lock.ts';
import { openArchivePlace } from '../trainer/control/history/open_archive_place.ts';
import { archiveRound } from '../trainer/control/history/archive_round.ts';
import { createSignalCopy } from '../trainer/control/history/copy.ts';
import { dayStartMs } from '../trainer/control/history/day.ts';
import { openSignalTables } from '../trainer/control/history/signal_tables.ts';
import { nextDay, simulatedDay } from '../trainer/control/history/signals.fixture.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { Database } from '../shared/store/sqlite.ts';

const [home, url, firstDay, days, minutes, kept, dieAt] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
];
let step = 0;
function next(): void {
  if (++step === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
}

const paths = homePaths({ MINUTEHAND_HOME: home });
const { signals: policy } = loadSettings({ env: {} });
let nowMs = dayStartMs(firstDay);
const clock: Clock = { nowMs: () => nowMs as ReturnType<Clock['nowMs']>, monotonicUs: () => nowMs * 1000 };
const opened = await openStore(url, clock);
const store: Store = {
  ...opened,
  transaction: async (work) => {
    const result = await opened.transaction(async (db) => {
      const done = await work(db);
      next();
      return done;
    });
    next();
    return result;
  },
};
const tables = await openSignalTables(store, policy);
const copy = createSignalCopy(store, tables, paths);
const place = await openArchivePlace(policy, paths, {});
const archive = createArchive(
  store,
  tables,
  {
    ...place,
    async write(name, bytes) {
      // A killed process may leave a partial file.
      const path = join(home, policy.archive_path, `${name}.tmp`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes.subarray(0, bytes.length / 2));
      next();
      await place.write(name, bytes);
      next();
    },
  },
  clock,
);

const BATCH_ROWS = 600;
const journalPath = paths.journal('live', 'main');

/** Number of a day's rows in the journal, and the day of its last row. */
function journaled(day: string): { rows: number; lastDay: string | null } {
  if (!existsSync(journalPath)) return { rows: 0, lastDay: null };
  const db = new Database(journalPath, { readonly: true });
  try {
    const startMs = dayStartMs(day);
    const { rows } = db
      .prepare('SELECT count(*) AS rows FROM signals WHERE generated_at_ms >= ? AND generated_at_ms < ? AND time >= ?')
      .get(startMs, startMs + 86_400_000, startMs / 1000 - 600) as { rows: number };
    const { ms } = db.prepare('SELECT generated_at_ms AS ms FROM signals ORDER BY signal_row DESC LIMIT 1').get() as {
      ms: number;
    };
    return { rows, lastDay: utcDay(ms) };
  } catch {
    return { rows: 0, lastDay: null };
  } finally {
    db.close();
  }
}

const resumed = journaled(firstDay).lastDay ?? firstDay;
const journal = openJournal(journalPath);
for (let day = resumed; day < nextDay(firstDay, Number(days)); day = nextDay(day)) {
  const rows = simulatedDay(day, { minutes: Number(minutes), boots: 2 });
  const begunMs = performance.now();
  let copyMs = 0;
  for (let first = journaled(day).rows; first < rows.length; first += BATCH_ROWS) {
    journal.append([], rows.slice(first, first + BATCH_ROWS));
    const copyBegunMs = performance.now();
    await copy.pass();
    copyMs += performance.now() - copyBegunMs;
  }
  nowMs = dayStartMs(nextDay(day)) + 30 * 60_000;
  const archiveBegunMs = performance.now();
  const { failures, pruned } = await archiveAlone(store, paths, async () => {
    await copy.pass();
    return archiveRound({ archive, market: 'live', historyDays: Number(kept), clock });
  });
  if (failures.length > 0) throw failures[0]!;
  const archiveMs = performance.now() - archiveBegunMs;
  journal.forgetBefore((dayStartMs(day) / 1000 - 86_400) as OpenTime);
  const took = [performance.now() - begunMs, copyMs, archiveMs].map((ms) => ms.toFixed(0)).join(' ');
  process.stdout.write(`day ${day} ${took} ${pruned.length}\n`);
}
journal.close();
await opened.close();
process.stdout.write(`done after ${step} steps\n`);
