import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { openJournal, type InputRow, type JournalStore, type ShadowRow } from '../../shared/store/journal.ts';
import { signal } from '../../shared/store/journal_conformance.fixture.ts';
import { createJournal, type Journal } from './journal.ts';
import { writeInPlace } from './journal_writer.ts';
import { Database } from '../../shared/store/sqlite.ts';

let folder: string;
let store: JournalStore;
let journal: Journal;
let told: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-journal-'));
  store = openJournal(join(folder, 'journal.db'));
  told = [];
  journal = createJournal({
    writer: writeInPlace(store),
    scheduler: MACHINE_SCHEDULER,
    onFailure: ({ code }) => told.push(code),
    onRecovered: () => told.push('recovered'),
  });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const empty = (minute: number): InputRow => ({
  kind: 'empty',
  subject: 'A',
  time: (minute * 60) as OpenTime,
  bar: null,
  backfill: false,
});
const stored = (): InputRow[] => [...store.inputsFrom(0 as OpenTime)];

/** Makes SQLite itself refuse every insert, as a full disk does. */
function refuseWrites(refuse: boolean): void {
  const other = new Database(join(folder, 'journal.db'));
  other.exec(
    refuse
      ? "CREATE TRIGGER refuse BEFORE INSERT ON inputs BEGIN SELECT raise(ABORT, 'no room'); END"
      : 'DROP TRIGGER refuse',
  );
  other.close();
}

describe('the journal of a daemon', () => {
  it('stores nothing before a flush, and everything by it, in order', async () => {
    for (const minute of [1, 2, 3]) journal.input(empty(minute));
    expect(stored()).toEqual([]);
    expect(await journal.stored()).toBe(true);
    expect(stored()).toEqual([empty(1), empty(2), empty(3)]);
    expect(await journal.stored()).toBe(true);
    expect(stored()).toHaveLength(3);
    expect(told).toEqual([]);
  });

  it('stores on flush anything collected alone: a signal, a shadow row, a feed position', () => {
    journal.signal(signal('A_B', 1));
    journal.flush();
    expect([...store.signals()]).toHaveLength(1);
    const row = {
      signalId: 'A_B1',
      pairId: 'A_B',
      time: 60 as OpenTime,
      modelVersion: 'v',
      body: '{"b":1',
      riskProb: null,
      position: '{}',
    };
    journal.shadow(row);
    journal.flush();
    expect([...store.shadows()]).toEqual([row]);
    journal.feedPosition('7-0');
    journal.flush();
    expect(store.feedPosition()).toBe('7-0');
  });

  it('keeps signals and shadow rows together through failed flushes: each shadow has its signal, each signal its shadow', () => {
    const shadowOf = (minute: number): ShadowRow => ({
      signalId: `A_B${minute}`,
      pairId: 'A_B',
      time: (minute * 60) as OpenTime,
      modelVersion: 'v',
      body: '{"b":1',
      riskProb: null,
      position: '{}',
    });
    for (let minute = 1; minute <= 9; minute++) {
      if (minute === 3 || minute === 7) refuseWrites(true);
      if (minute === 5 || minute === 8) refuseWrites(false);
      journal.input(empty(minute));
      journal.signal(signal('A_B', minute));
      journal.shadow(shadowOf(minute));
      journal.flush();
    }
    const minutes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect([...store.signals()].map(({ time }) => time / 60)).toEqual(minutes);
    expect([...store.shadows()]).toEqual(minutes.map(shadowOf));
  });

  it('keeps what the disk refuses for the next flush, reports that once, and loses nothing', async () => {
    journal.input(empty(1));
    journal.flush();
    refuseWrites(true);
    for (const minute of [2, 3, 4]) {
      journal.input(empty(minute));
      journal.feedPosition(`${minute}-0`);
      expect(await journal.stored()).toBe(false);
    }
    expect(stored()).toEqual([empty(1)]);
    expect(store.feedPosition()).toBeNull();
    expect(told).toEqual(['JOURNAL_WRITE']);
    refuseWrites(false);
    journal.input(empty(5));
    expect(await journal.stored()).toBe(true);
    expect(stored()).toEqual([1, 2, 3, 4, 5].map(empty));
    expect(store.feedPosition()).toBe('4-0');
    expect(told).toEqual(['JOURNAL_WRITE', 'recovered']);
    refuseWrites(true);
    journal.input(empty(6));
    journal.flush();
    expect(told).toEqual(['JOURNAL_WRITE', 'recovered', 'JOURNAL_WRITE']);
  });
});
