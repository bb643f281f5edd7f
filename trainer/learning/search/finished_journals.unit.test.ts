import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockHome } from '../../../shared/process/home_lock.ts';
import { keepJournal, listJournals } from './finished_journals.ts';
import { journalLock } from './study_journal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-journals-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nameOf = (i: number): string => `ai1_${String(i).padStart(32, '0')}.jsonl`;

/** A journal that was changed so many seconds after the first. */
function write(place: string, i: number): string {
  const path = join(place, nameOf(i));
  writeFileSync(path, '{}\n');
  utimesSync(path, 1000 + i, 1000 + i);
  return path;
}

it('journals of searches are bounded: the newest 30 that ended, and the newest 30 that were interrupted', () => {
  mkdirSync(join(folder, 'finished'));
  for (let i = 0; i < 40; i++) write(join(folder, 'finished'), i);
  for (let i = 100; i < 140; i++) lockHome(journalLock(write(folder, i)))();
  // The oldest, which a process works on.
  const unlock = lockHome(journalLock(join(folder, nameOf(100))));
  keepJournal(write(folder, 200));
  const found = listJournals(folder);
  const ids = (isFinished: boolean): number[] =>
    found.filter((one) => one.is_finished === isFinished).map(({ search_id }) => Number(search_id.slice(4)));
  expect(ids(true)).toEqual([200, ...Array.from({ length: 29 }, (_, i) => 39 - i)]);
  expect(ids(false)).toEqual([...Array.from({ length: 30 }, (_, i) => 139 - i), 100]);
  expect(found.filter(({ is_running }) => is_running).map(({ search_id }) => search_id)).toEqual([
    nameOf(100).slice(0, -'.jsonl'.length),
  ]);
  // With their locks.
  expect(readdirSync(folder).filter((name) => name.endsWith('.lock'))).toHaveLength(31);
  unlock();
});
