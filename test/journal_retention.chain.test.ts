import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepRetention } from '../daemon/journal/retention.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { homePaths, type HomePaths } from '../shared/home.ts';
import type { Clock } from '../shared/ports.ts';
import { openJournal, type SignalRow } from '../shared/store/journal.ts';
import { Database } from '../shared/store/sqlite.ts';
import { DAY_MS, dayStartMs } from '../trainer/control/history/day.ts';
import { startHistory } from '../trainer/control/history/history.ts';
import { journalSignals, nextDay, simulatedDay } from '../trainer/control/history/signals.fixture.ts';
import { buildProgram } from './program.ts';
import { tinySettings } from './tiny_models.ts';

const FIRST = '2026-03-02';
const SMALL = { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'], minutes: 200 };
const DAYS = [0, 1, 2, 3].map((days) => nextDay(FIRST, days));
const KEPT_DAYS = 10;

let home: string;
let paths: HomePaths;
let path: string;
let nowMs: number;
const clock: Clock = { nowMs: () => nowMs as ReturnType<Clock['nowMs']>, monotonicUs: () => nowMs * 1000 };
const rowsOf = (days: readonly string[]): SignalRow[] => days.flatMap((day) => simulatedDay(day, SMALL));
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-retention-'));
  paths = homePaths({ MINUTEHAND_HOME: home });
  path = paths.journal('live', 'main');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const left = (): string[] => {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare('SELECT signal_id FROM signals ORDER BY signal_row').pluck().all() as string[];
  } finally {
    db.close();
  }
};
const idsOf = (rows: readonly SignalRow[]): string[] => rows.map(({ signalId }) => signalId);

/** The trainer copies signals, and archives completed days. */
async function archive(): Promise<void> {
  const log = pino({ level: 'silent' });
  const history = startHistory({ settings: tinySettings(), paths, log, print: () => undefined, env: {}, clock });
  await history.archive();
  await history.stop();
}

/** One pass of the daemon. @returns transactions that deleted rows, and requests to the thread */
async function look(): Promise<{ pruned: number[]; asked: number }> {
  const store = openJournal(path);
  const done = { pruned: [] as number[], asked: 0 };
  let lookNow: () => void = () => undefined;
  const stop = keepRetention({
    store,
    prune: (bounds, limit) => Promise.resolve(store.prune(bounds, limit)),
    journalPath: path,
    archivedPath: paths.archivedSignals,
    days: KEPT_DAYS,
    files: MACHINE_FILES,
    clock,
    scheduler: { ...MACHINE_SCHEDULER, every: (_ms, work) => ((lookNow = work), () => undefined) },
    idleWindow: () => Promise.resolve(void done.asked++),
    onFailure: (error) => {
      throw error;
    },
    onPruned: (signals) => void done.pruned.push(signals),
  });
  lookNow();
  // A pass ends by itself; an earlier `stop` would abort it.
  for (let quiet = -1; quiet !== done.asked;) {
    quiet = done.asked;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  store.close();
  return done;
}

describe('the retention of a live journal', () => {
  it('deletes signals that are older than signals_journal_days and archived, in small transactions at idle windows', async () => {
    const rows = rowsOf(DAYS);
    journalSignals(path, rows);
    nowMs = dayStartMs(nextDay(DAYS[3]!)) + 3_600_000;
    await archive();
    nowMs = dayStartMs(DAYS[2]!) + KEPT_DAYS * DAY_MS;
    const { pruned, asked } = await look();
    expect(left()).toEqual(idsOf(rowsOf(DAYS.slice(2))));
    expect(pruned.reduce((sum, signals) => sum + signals, 0)).toBe(rowsOf(DAYS.slice(0, 2)).length);
    expect(Math.max(...pruned)).toBeLessThanOrEqual(100);
    expect(asked).toBeGreaterThanOrEqual(pruned.length);
    expect((await look()).pruned).toEqual([]);
  });

  it('deletes nothing that the archive does not have, however old it is', async () => {
    journalSignals(path, rowsOf(DAYS));
    nowMs = dayStartMs(DAYS[0]!) + 100 * DAY_MS;
    await look();
    expect(left()).toEqual(idsOf(rowsOf(DAYS)));
    // The second day is not over when the archive is written.
    nowMs = dayStartMs(DAYS[1]!) + 3_600_000;
    await archive();
    nowMs += 100 * DAY_MS;
    await look();
    expect(left()).toEqual(idsOf(rowsOf(DAYS.slice(1))));
  });

  it('deletes nothing where another journal has replaced the archived one, or the note is damaged', async () => {
    journalSignals(path, rowsOf(DAYS));
    nowMs = dayStartMs(nextDay(DAYS[3]!)) + 3_600_000;
    await archive();
    const note = readFileSync(paths.archivedSignals, 'utf8');
    rmSync(path);
    const others = DAYS.flatMap((day) => simulatedDay(day, { ...SMALL, boots: 2 }));
    journalSignals(path, others);
    nowMs = dayStartMs(DAYS[0]!) + 100 * DAY_MS;
    await look();
    expect(left()).toEqual(idsOf(others));
    rmSync(path);
    journalSignals(path, rowsOf(DAYS));
    writeFileSync(paths.archivedSignals, note.slice(0, -10));
    await look();
    expect(left()).toEqual(idsOf(rowsOf(DAYS)));
    writeFileSync(paths.archivedSignals, note);
    await look();
    expect(left()).toHaveLength(SMALL.pairs.length);
  });

  it('loses nothing when the process is killed while it deletes, and continues where it stopped', async () => {
    const rows = rowsOf(DAYS);
    journalSignals(path, rows);
    const program = await buildProgram('store_program');
    try {
      for (let kill = 1; kill <= 3; kill++) {
        const running = program.start(['prune', path, '7']);
        for (let batch = 0; batch < 10 * kill; batch++) await running.line();
        await running.kill('SIGKILL');
        const db = new Database(path);
        expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
        db.close();
        const store = openJournal(path);
        const { signalRow, last } = store.pruned()!;
        expect(signalRow).toBeGreaterThan(0);
        // On a busy machine it may be done before it is killed: the last signal of each pair always stays.
        const isLast = (row: (typeof rows)[number]): boolean =>
          row === rows.findLast(({ pairId }) => pairId === row.pairId);
        expect(left()).toEqual(idsOf(rows.filter((row, i) => i >= signalRow || isLast(row))));
        expect(last.map(({ pairId }) => pairId).sort()).toEqual([...SMALL.pairs].sort());
        for (const { pairId, time } of last)
          expect(time).toBe(rows.slice(0, signalRow).findLast((row) => row.pairId === pairId)!.time);
        store.close();
      }
    } finally {
      await program.remove();
    }
  });
});
