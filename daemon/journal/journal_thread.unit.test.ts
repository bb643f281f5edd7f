import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { packageRoot } from '../../shared/root.ts';
import { openJournal, type JournalStore } from '../../shared/store/journal.ts';
import { at, bar, shadow, signal, word } from '../../shared/store/journal_conformance.fixture.ts';
import { Database } from '../../shared/store/sqlite.ts';
import { createJournal, type Journal } from './journal.ts';
import { finishWrite, openJournalThread, type JournalThread } from './journal_thread.ts';
import type { JournalBatch } from './journal_writer.ts';

let folder: string;
let programs: string;
let files = 0;
beforeAll(async () => {
  // Inside node_modules, so that the packages the program imports are found from there.
  const parent = join(packageRoot(), 'node_modules', '.cache');
  mkdirSync(parent, { recursive: true });
  programs = mkdtempSync(join(parent, 'journal-thread-'));
  folder = mkdtempSync(join(tmpdir(), 'minutehand-journal-thread-'));
  const sources = join(packageRoot(), 'daemon', 'journal');
  await build({
    configFile: false,
    root: packageRoot(),
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: programs,
      emptyOutDir: false,
      target: 'node24',
      minify: false,
      rollupOptions: {
        input: {
          real: join(sources, 'journal_thread_program.ts'),
          dying: join(sources, 'journal_thread_dying.fixture.ts'),
        },
        output: { entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' },
      },
    },
  });
});
afterAll(() => {
  rmSync(programs, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly path: string;
  readonly store: ReturnType<typeof openJournal>;
  readonly thread: JournalThread;
  readonly journal: Journal;
  /** What the journal and its thread reported. */
  readonly told: string[];
  close(): Promise<void>;
}

function open(program = 'real'): Opened {
  const path = join(folder, `${++files}.db`);
  const store = openJournal(path);
  const told: string[] = [];
  const thread = openJournalThread({
    path,
    store,
    scheduler: MACHINE_SCHEDULER,
    program: pathToFileURL(join(programs, `${program}.mjs`)),
    onDeath: (error) => told.push(`dead: ${error.code} ${error.seen}`),
  });
  const journal = createJournal({
    writer: thread,
    scheduler: MACHINE_SCHEDULER,
    onFailure: ({ code, message }) => told.push(`${code} ${message}`),
    onRecovered: () => told.push('recovered'),
  });
  const close = async (): Promise<void> => {
    await thread.close();
    store.close();
  };
  return { path, store, thread, journal, told, close };
}

function answerMinute(journal: Journal, minute: number): void {
  journal.input(bar('A', minute));
  journal.input(bar('B', minute));
  journal.signal(signal('A_B', minute));
  journal.feedPosition(`${minute}-0`);
  journal.flush();
}

const minutesOf = (store: JournalStore): number[] => [...store.signals()].map(({ time }) => time / 60);

/** The rows in the order of their transactions. */
function orderOf(path: string): unknown[] {
  const db = new Database(path, { readonly: true });
  const rows = db.prepare('SELECT after_input, time FROM signals ORDER BY signal_row').raw().all();
  db.close();
  return rows;
}

describe('the journal of a thread', () => {
  it('has each minute in a transaction of its own, in order, and the position of the feed with it', async () => {
    const { journal, store, path, told, close } = open();
    for (let minute = 1; minute <= 50; minute++) answerMinute(journal, minute);
    expect(await journal.stored()).toBe(true);
    expect(orderOf(path)).toEqual(Array.from({ length: 50 }, (_, i) => [2 * i + 2, at(i + 1)]));
    expect(store.feedPosition()).toBe('50-0');
    expect(told).toEqual([]);
    await close();
  });

  it('commits a change of the halts with synchronous = FULL, and bars with NORMAL', async () => {
    const { journal, path, close } = open();
    const db = new Database(path);
    db.exec(`CREATE TABLE seen (kind TEXT, synchronous INTEGER);
      CREATE TRIGGER watch AFTER INSERT ON inputs BEGIN INSERT INTO seen SELECT new.kind, synchronous FROM pragma_synchronous; END`);
    journal.input(bar('A', 1));
    await journal.stored();
    journal.input(word('halts', 'x', 1));
    await journal.stored();
    expect(db.prepare('SELECT * FROM seen').raw().all()).toEqual([
      ['bar', 1],
      ['halts', 2],
    ]);
    db.close();
    await close();
  });

  it('holds neither its caller nor what is answered meanwhile when another process locks the file', async () => {
    const { journal, store, path, told, close } = open();
    answerMinute(journal, 1);
    await journal.stored();
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    for (let minute = 2; minute <= 4; minute++) answerMinute(journal, minute);
    const storing = journal.stored();
    for (let turns = 0; turns < 20; turns++) await loopTurn();
    expect(minutesOf(store)).toEqual([1]);
    // It must not be reported as stored.
    expect(await Promise.race([storing, loopTurn('waits')])).toBe('waits');
    other.exec('ROLLBACK');
    other.close();
    expect(await storing).toBe(true);
    expect(minutesOf(store)).toEqual([1, 2, 3, 4]);
    expect(told).toEqual([]);
    await close();
  });

  it('reports a full disk once, keeps what it refused, and stores it in order when there is room', async () => {
    const { journal, store, path, told, close } = open();
    const disk = new Database(path);
    disk.exec("CREATE TRIGGER refuse BEFORE INSERT ON signals BEGIN SELECT raise(ABORT, 'no room'); END");
    for (let minute = 1; minute <= 3; minute++) answerMinute(journal, minute);
    expect(await journal.stored()).toBe(false);
    answerMinute(journal, 4);
    expect(await journal.stored()).toBe(false);
    expect([...store.inputsFrom(at(0))]).toEqual([]);
    expect(store.feedPosition()).toBeNull();
    expect(told).toEqual([expect.stringMatching(/^JOURNAL_WRITE .*no room/)]);
    disk.exec('DROP TRIGGER refuse');
    disk.close();
    expect(await journal.stored()).toBe(true);
    expect(orderOf(path)).toEqual([1, 2, 3, 4].map((minute) => [2 * minute, at(minute)]));
    expect(told.slice(1)).toEqual(['recovered']);
    await close();
  });

  it.each(['real', 'absent'])('deletes by a program that is %s, and reports why it cannot', async (program) => {
    const { journal, thread, store, path, close } = open(program);
    for (let minute = 1; minute <= 9; minute++) answerMinute(journal, minute);
    await journal.stored();
    expect(await thread.prune({ throughRow: 5, publishedBeforeMs: 2 }, 3)).toBe(3);
    expect(minutesOf(store)).toEqual([4, 5, 6, 7, 8, 9]);
    await thread.forgetBefore(at(8));
    expect(minutesOf(store)).toEqual([8, 9]);
    const disk = new Database(path);
    disk.exec("CREATE TRIGGER refuse BEFORE DELETE ON signals BEGIN SELECT raise(ABORT, 'read only'); END");
    disk.close();
    await expect(thread.forgetBefore(at(9))).rejects.toMatchObject({
      code: 'JOURNAL_WRITE',
      seen: expect.stringMatching(/^(?!The journal).*read only/) as string,
    });
    await close();
  });

  it('is written by the caller where there is no compiled program', async () => {
    const { journal, store, close } = open('absent');
    answerMinute(journal, 1);
    expect(minutesOf(store)).toEqual([1]);
    await close();
  });
});

describe('the failure of the thread', () => {
  it.each([0, 1, 2, 3, 5])(
    'after %i transactions is reported, and every row is stored once, in order, by the caller',
    async (after) => {
      process.env['DIE_AFTER'] = String(after);
      const { journal, store, path, told, close } = open('dying');
      delete process.env['DIE_AFTER'];
      for (let minute = 1; minute <= 4; minute++) answerMinute(journal, minute);
      await journal.stored();
      for (let minute = 5; minute <= 6; minute++) answerMinute(journal, minute);
      expect(await journal.stored()).toBe(true);
      expect(orderOf(path)).toEqual([1, 2, 3, 4, 5, 6].map((minute) => [2 * minute, at(minute)]));
      expect(store.feedPosition()).toBe('6-0');
      expect(told).toEqual(['dead: JOURNAL_WRITE the thread that writes it ended: out of memory']);
      await close();
    },
  );

  it('doubles nothing after the newest rows were deleted', async () => {
    process.env['DIE_AFTER'] = '3';
    const { journal, thread, path, close } = open('dying');
    delete process.env['DIE_AFTER'];
    for (let minute = 1; minute <= 2; minute++) {
      answerMinute(journal, minute);
      await journal.stored();
    }
    await thread.forgetBefore(at(3));
    answerMinute(journal, 3);
    expect(await journal.stored()).toBe(true);
    expect(orderOf(path)).toEqual([[2, at(3)]]);
    await close();
  });

  it('omits and doubles nothing, whatever part of a write was stored', () => {
    const batches = fc.array(
      fc.record({ inputs: fc.nat(3), signals: fc.nat(2), shadows: fc.nat(2), hasPosition: fc.boolean() }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(batches, batches, fc.nat(8), (earlier, sizes, diedAfter) => {
        const all = [...earlier, ...sizes].map(({ inputs, signals, shadows, hasPosition }, index): JournalBatch => ({
          inputs: Array.from({ length: inputs }, (_, i) => bar(`S${i}`, index)),
          signals: Array.from({ length: signals }, (_, i) => signal(`A_B${i}`, index)),
          shadows: Array.from({ length: shadows }, (_, i) => shadow(`A_B${i}`, index, 'v')),
          feedPosition: hasPosition ? `${index}` : null,
        }));
        const store = openJournal(join(folder, `${++files}.db`));
        const append = ({ inputs, signals, shadows, feedPosition }: JournalBatch): void =>
          store.append(inputs, signals, shadows, feedPosition);
        all.slice(0, earlier.length).forEach(append);
        const before = store.newestRows();
        const write = all.slice(earlier.length);
        write.slice(0, diedAfter).forEach(append);
        expect(finishWrite(store, write, before)).toEqual({ done: write.length, refusal: null });
        expect([...store.inputsFrom(at(0))]).toEqual(all.flatMap(({ inputs }) => inputs));
        const ids = ({ pairId, time }: { pairId: string; time: number }): string => `${pairId} ${time}`;
        expect([...store.signals()].map(ids)).toEqual(all.flatMap(({ signals }) => signals).map(ids));
        expect([...store.shadows()]).toEqual(all.flatMap(({ shadows }) => shadows));
        expect(store.feedPosition()).toBe(
          all.findLast(({ feedPosition }) => feedPosition !== null)?.feedPosition ?? null,
        );
        store.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('the end and a refusal of the thread', () => {
  it('waits for the write that is in progress, and is no failure', async () => {
    const { journal, thread, store, path, told } = open();
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    answerMinute(journal, 1);
    const closing = thread.close();
    for (let turns = 0; turns < 20; turns++) await loopTurn();
    expect(await Promise.race([closing, loopTurn('waits')])).toBe('waits');
    other.exec('ROLLBACK');
    other.close();
    await closing;
    expect([minutesOf(store), told]).toEqual([[1], []]);
    store.close();
  });

  it('leave every row once, when a part of a write was refused and the thread fails at the next', async () => {
    process.env['DIE_AFTER'] = '3';
    const { thread, path, told, close } = open('dying');
    delete process.env['DIE_AFTER'];
    const disk = new Database(path);
    disk.exec(`CREATE TRIGGER refuse BEFORE INSERT ON signals WHEN new.time = ${at(2)}
      BEGIN SELECT raise(ABORT, 'no room'); END`);
    const [first, second] = [1, 2].map((minute): JournalBatch => {
      return { inputs: [bar('A', minute)], signals: [signal('A_B', minute)], shadows: [], feedPosition: null };
    }) as [JournalBatch, JournalBatch];
    const write = (...batches: JournalBatch[]): Promise<unknown> =>
      new Promise((resolve) => thread.write(batches, (done, refusal) => resolve([done, refusal?.code])));
    expect(await write(first, second)).toEqual([1, 'JOURNAL_WRITE']);
    disk.exec('DROP TRIGGER refuse');
    disk.close();
    expect(await write(second)).toEqual([1, undefined]);
    expect(orderOf(path).map((row) => (row as [number, number])[1])).toEqual([at(1), at(2)]);
    expect(told).toEqual([expect.stringMatching(/^dead: /)]);
    await close();
  });

  it('reports the exit code of a thread without an error, and does what it was asked', async () => {
    writeFileSync(join(programs, 'exiting.mjs'), 'process.exit(3);');
    const { journal, thread, store, told, close } = open('exiting');
    answerMinute(journal, 1);
    await thread.forgetBefore(at(2));
    expect(minutesOf(store)).toEqual([]);
    expect(told).toEqual(['dead: JOURNAL_WRITE the thread that writes it ended: exit code 3']);
    await close();
  });

  it('stores a position of the feed that has no rows with it again', () => {
    const store = openJournal(join(folder, `${++files}.db`));
    const before = store.newestRows();
    const none = { inputs: [], signals: [], shadows: [] };
    store.append([bar('A', 1)], [], [], '1-0');
    const write = [
      { ...none, inputs: [bar('A', 1)], feedPosition: '1-0' },
      { ...none, feedPosition: '2-0' },
    ];
    expect(finishWrite(store, write, before)).toEqual({ done: 2, refusal: null });
    expect([[...store.inputsFrom(at(0))].length, store.feedPosition()]).toEqual([1, '2-0']);
    store.close();
  });
});
