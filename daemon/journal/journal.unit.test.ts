import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { openJournal, type InputRow, type JournalStore, type ShadowRow } from '../../shared/store/journal.ts';
import { signal } from '../../shared/store/journal_conformance.fixture.ts';
import type { ErrorReport } from '../../shared/errors.ts';
import { createJournal, type Journal } from './journal.ts';
import { writeInPlace, type JournalBatch, type OnWritten } from './journal_writer.ts';
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

type Step =
  | { readonly do: 'row' | 'flush' | 'ask' | 'stall' | 'store' }
  | { readonly do: 'refuse'; readonly after: number };

/** A writer that answers when the test lets it, and a disk of minutes. */
function openSlowJournal() {
  const disk: number[] = [];
  let pending: { batches: readonly JournalBatch[]; onWritten: OnWritten } | null = null;
  let stall: (() => void) | null = null;
  const answer = (stored: number, refusal: ErrorReport | null): void => {
    if (pending === null) return;
    const { batches, onWritten } = pending;
    pending = null;
    const count = refusal === null ? batches.length : Math.min(stored, batches.length - 1);
    for (const { inputs } of batches.slice(0, count)) disk.push(...inputs.map(({ time }) => time / 60));
    onWritten(count, refusal);
  };
  const told: string[] = [];
  const messages: string[] = [];
  const written: number[] = [];
  const delays: number[] = [];
  const journal = createJournal({
    writer: {
      write(batches, onWritten) {
        pending = { batches, onWritten };
        written.push(batches.length);
      },
    },
    scheduler: {
      after(ms, work) {
        delays.push(ms);
        stall = work;
        return () => (stall = null);
      },
    },
    maxWaitingRows: 20,
    onFailure({ code, message }) {
      told.push(code);
      messages.push(message);
    },
    onRecovered: () => told.push('recovered'),
  });
  const reports = { told, messages, written, delays };
  return { journal, disk, ...reports, answer, stall: () => stall?.(), isWriting: () => pending !== null };
}

const REFUSAL = { code: 'JOURNAL_WRITE', message: 'no room', next: '' } as const;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a promise gives without any further answer. */
const soon = (promise: Promise<boolean>): Promise<boolean | string> =>
  Promise.race([promise, settle().then(() => 'not yet')]);

describe('a journal whose writer answers later', () => {
  const flushEach = (of: Journal, from: number, to: number): void => {
    for (let minute = from; minute <= to; minute++) {
      of.input(empty(minute));
      of.flush();
    }
  };

  it('writes at most 256 transactions at once, and the next ones when these are stored', async () => {
    const { journal: slow, disk, written, answer } = openSlowJournal();
    flushEach(slow, 1, 300);
    for (const expected of [[1], [1, 256], [1, 256, 43]]) {
      expect(written).toEqual(expected);
      answer(0, null);
    }
    expect([await soon(slow.stored()), disk.length, written.length]).toEqual([true, 300, 3]);
  });

  it('gives room for a transaction when that is stored, and for every one when the disk refuses', async () => {
    const { journal: slow, answer } = openSlowJournal();
    flushEach(slow, 1, 4);
    const done: number[] = [];
    for (const count of [1, 2, 3, 4]) void slow.room(count)!.then(() => done.push(count));
    answer(0, null);
    await settle();
    expect([done.splice(0), slow.room(1)]).toEqual([[1], null]);
    answer(1, REFUSAL);
    await settle();
    expect([done, slow.room(4)]).toEqual([[2, 3, 4], null]);
  });

  it('waits for a write at most ten seconds, reports that, and recovers when it is stored after all', async () => {
    const { journal: slow, delays, told, messages, stall, answer, isWriting } = openSlowJournal();
    slow.input(empty(1));
    const storing = slow.stored();
    expect(delays).toEqual([10_000]);
    stall();
    expect(await soon(storing)).toBe(false);
    expect(messages).toEqual([expect.stringContaining('a transaction not stored within 10000 ms')]);
    slow.input(empty(2));
    expect([await soon(slow.stored()), slow.room(2), told]).toEqual([false, null, ['JOURNAL_WRITE']]);
    answer(0, null);
    expect([told, isWriting()]).toEqual([['JOURNAL_WRITE'], true]);
    answer(0, null);
    expect([await soon(slow.stored()), told]).toEqual([true, ['JOURNAL_WRITE', 'recovered']]);
  });

  it('has not recovered while rows wait that a late write did not take', () => {
    const { journal: slow, told, stall, answer, isWriting } = openSlowJournal();
    flushEach(slow, 1, 1);
    for (const minute of [2, 3]) {
      stall();
      flushEach(slow, minute, minute);
      answer(0, null);
    }
    stall();
    expect(told).toEqual(['JOURNAL_WRITE']);
    answer(0, null);
    expect([told, isWriting()]).toEqual([['JOURNAL_WRITE', 'recovered'], false]);
  });

  it('has not recovered while rows wait that found no place in a write', () => {
    const { journal: slow, told, written, answer } = openSlowJournal();
    flushEach(slow, 1, 1);
    answer(0, REFUSAL);
    flushEach(slow, 2, 258);
    answer(0, REFUSAL);
    slow.flush();
    answer(0, null);
    expect([written, told]).toEqual([[1, 2, 256, 2], ['JOURNAL_WRITE']]);
    flushEach(slow, 259, 259);
    answer(0, null);
    expect([told, written.at(-1)]).toEqual([['JOURNAL_WRITE', 'recovered'], 1]);
  });

  it('is full at its limit of rows that are not stored, whether they were flushed or not', () => {
    const { journal: slow, answer } = openSlowJournal();
    for (let minute = 1; minute <= 9; minute++) slow.input(empty(minute));
    slow.signal(signal('A_B', 1));
    slow.flush();
    for (let minute = 10; minute <= 18; minute++) slow.input(empty(minute));
    expect(slow.isFull).toBe(false);
    slow.input(empty(19));
    expect(slow.isFull).toBe(true);
    answer(0, null);
    expect(slow.isFull).toBe(false);
  });

  it('returns the shadow answers of a version that are not stored, in order', () => {
    const { journal: slow, answer } = openSlowJournal();
    const shadow = (modelVersion: string, signalId: string) => ({ modelVersion, signalId }) as ShadowRow;
    const ids = (): string[] => slow.waitingShadows('v').map(({ signalId }) => signalId);
    slow.shadow(shadow('v', '1'));
    slow.flush();
    slow.shadow(shadow('w', '2'));
    slow.shadow(shadow('v', '3'));
    expect(ids()).toEqual(['1', '3']);
    answer(0, null);
    expect(ids()).toEqual(['3']);
  });

  it('watches no write that has ended at once', () => {
    let watches = 0;
    const quick = createJournal({
      writer: { write: (batches, onWritten) => onWritten(batches.length, null) },
      scheduler: { after: () => (watches++, () => undefined) },
      onFailure: () => undefined,
      onRecovered: () => undefined,
    });
    flushEach(quick, 1, 2);
    expect(watches).toBe(0);
  });
});

describe('a journal whose writer is slow, stalls and refuses', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.constant<Step>({ do: 'row' }) },
    { weight: 4, arbitrary: fc.constantFrom<Step>({ do: 'flush' }, { do: 'ask' }, { do: 'store' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'stall' }) },
    { weight: 1, arbitrary: fc.nat(3).map((after): Step => ({ do: 'refuse', after })) },
  );

  it('stores every row once, in order, reports as stored only what is, and holds the next signals until then', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { journal, disk, told, answer, stall, isWriting } = openSlowJournal();
        let rows = 0;
        let flushedRows = 0;
        let flushes = 0;
        const asked: Promise<void>[] = [];
        const ask = (): void => {
          const needed = rows;
          const before = told.length;
          const wasFailing = told.at(-1) === 'JOURNAL_WRITE';
          const asking = journal.stored().then((isStored) => {
            if (isStored) expect(disk.length).toBeGreaterThanOrEqual(needed);
            else expect(wasFailing || told.length > before).toBe(true);
          });
          asked.push(asking);
        };
        for (const { do: what, ...rest } of steps) {
          if (what === 'row') journal.input(empty(++rows));
          if (what === 'ask') ask();
          if (what === 'flush' || what === 'ask') {
            flushedRows = rows;
            flushes = journal.flush();
          }
          if (what === 'stall') stall();
          if (what === 'store') answer(0, null);
          if (what === 'refuse') answer((rest as { after: number }).after, REFUSAL);
          expect(disk).toEqual(disk.map((_, i) => i + 1));
          const isFailing = told.at(-1) === 'JOURNAL_WRITE';
          expect(journal.room(flushes) === null).toBe(isFailing || disk.length >= flushedRows);
          expect(journal.isFull).toBe(rows - disk.length >= 20);
          await Promise.resolve();
        }
        ask();
        while (isWriting()) answer(0, null);
        journal.flush();
        while (isWriting()) answer(0, null);
        await Promise.all(asked);
        expect(disk).toEqual(Array.from({ length: rows }, (_, i) => i + 1));
        expect(told).toEqual(told.map((_, i) => (i % 2 === 0 ? 'JOURNAL_WRITE' : 'recovered')));
        expect(told.length % 2).toBe(0);
      }),
    );
  });
});

// Last: a write that is repeated without end on SQLite ends the process instead of failing a test.
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
