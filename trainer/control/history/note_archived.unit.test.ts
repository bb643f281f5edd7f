import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { readArchivedSignals } from '../../../shared/store/archived_signals.ts';
import type { EpochMs } from '../../../shared/bar.ts';
import { lastWholeDay } from './archive_round.ts';
import type { SignalArchive } from './archive.ts';
import { noteArchived } from './note_archived.ts';

let paths: HomePaths;
beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-note-')) });
});
afterEach(() => rmSync(paths.home, { recursive: true }));

const JOURNAL = '/srv/live_main.db';
const COPIED = new Map([[JOURNAL, { signalRow: 7, fingerprint: 'f' }]]);
const NOW_MS = Date.UTC(2026, 10, 18, 9) as EpochMs;

function note(due: readonly string[], copied: typeof COPIED | Map<string, never> = COPIED): Promise<void> {
  const archive = { due: () => Promise.resolve(due) } as unknown as SignalArchive;
  return noteArchived({ archive, paths, clock: { nowMs: () => NOW_MS, monotonicUs: () => 0 }, copied });
}

it('is whole five minutes after its end: signals are copied later, and clocks differ', () => {
  expect(lastWholeDay(Date.UTC(2026, 10, 18, 0, 4, 59))).toBe('2026-11-16');
  expect(lastWholeDay(Date.UTC(2026, 10, 18, 0, 5))).toBe('2026-11-17');
});

it('is noted for the daemons as archived up to the end of the last whole day', async () => {
  await note([]);
  expect(readArchivedSignals(MACHINE_FILES, paths.archivedSignals, JOURNAL)).toEqual({
    signal_row: 7,
    fingerprint: 'f',
    published_before_ms: Date.UTC(2026, 10, 18),
  });
});

it('is not noted while a finished day waits, or where nothing was copied: a daemon would delete what is in no archive', async () => {
  await note(['2026-11-15']);
  await note([], new Map());
  expect(existsSync(paths.archivedSignals)).toBe(false);
});
