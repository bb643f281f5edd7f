import Database from 'better-sqlite3';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../../test/program.ts';
import type { Bar, OpenTime } from '../bar.ts';
import { parsePair } from '../pair.ts';
import { openJournal, type InputRow, type SignalRow } from './journal.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-journal-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const freshPath = (): string => join(folder, `${++files}.db`);
const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

const at = (minute: number): OpenTime => (minute * 60) as OpenTime;
function bar(symbol: string, minute: number, changes: Partial<Bar> = {}): InputRow {
  const content: Bar = { symbol, time: at(minute), open: 1.1, high: 1.3, low: 1, close: 1.2, volume: 3, ...changes };
  return { kind: 'bar', subject: symbol, time: at(minute), bar: content, backfill: false };
}
const word = (kind: 'empty' | 'timeout' | 'swap', subject: string, minute: number): InputRow => ({
  kind,
  subject,
  time: at(minute),
  bar: null,
  backfill: false,
});
const signal = (pairId: string, minute: number, changes: Partial<SignalRow> = {}): SignalRow => ({
  bootId: 'boot',
  seq: 1,
  pairId,
  time: at(minute),
  signalId: `${pairId}${minute}`,
  body: '{"a":1',
  featuresCrc: '0123abcd',
  riskProb: 0.25,
  position: `{"minute":${minute}}`,
  generatedAtMs: 1,
  ...changes,
});

describe('the journal', () => {
  it('gives inputs back in the order in which they took effect, to the bit', () => {
    const store = openJournal(freshPath());
    const rows: InputRow[] = [
      bar('B', 2, { close: 0.1 + 0.2, spread: 1e-7 }),
      bar('A', 2, { volume: 0 }),
      word('empty', 'A', 3),
      word('timeout', 'A_B', 3),
      { ...bar('B', 3), backfill: true },
      word('swap', '20251014_1200', 3),
      bar('A', 4, { open: 5e-324, high: 1.7e308 }),
    ];
    store.append(rows.slice(0, 4), []);
    store.append(rows.slice(4), []);
    expect([...store.inputsFrom(at(0))]).toEqual(rows);
    expect([...store.inputsFrom(at(4))]).toEqual(rows.slice(6));
    expect([...store.bars('A')]).toEqual([rows[1]!.bar, rows[6]!.bar]);
    expect(store.lastBars()).toEqual(
      new Map([
        ['A', at(4)],
        ['B', at(3)],
      ]),
    );
    store.close();
  });

  it('knows the newest signal of each pair, and the last boot', () => {
    const path = freshPath();
    const store = openJournal(path);
    expect(store.lastBoot()).toBeNull();
    expect(store.lastSignals()).toEqual([]);
    store.append([], [signal('A_B', 1), signal('C_D', 1)]);
    store.append([], [signal('A_B', 2)]);
    for (const startedMs of [2, 10]) {
      store.addBoot({
        bootId: `b${String(startedMs).padStart(2, '0')}`,
        market: 'live',
        featureSchema: 'f',
        policyHash: 'p',
        startedMs,
      });
    }
    store.close();
    const again = openJournal(path);
    expect(again.lastSignals().sort((x, y) => (x.pairId < y.pairId ? -1 : 1))).toEqual([
      { pairId: 'A_B', time: at(2), position: '{"minute":2}' },
      { pairId: 'C_D', time: at(1), position: '{"minute":1}' },
    ]);
    expect(again.lastBoot()).toMatchObject({ bootId: 'b10', startedMs: 10 });
    expect(() =>
      again.addBoot({ bootId: 'b10', market: 'live', featureSchema: '', policyHash: '', startedMs: 1 }),
    ).toThrowError(withCode('JOURNAL_WRITE'));
    again.close();
  });

  it('stores all of a batch or nothing of it', () => {
    const store = openJournal(freshPath());
    store.append([bar('A', 1)], [signal('A_B', 1)]);
    const torn = signal('A_B', 2, { body: null as unknown as string });
    expect(() => store.append([bar('A', 2), bar('B', 2)], [signal('A_B', 2), torn])).toThrowError(
      withCode('JOURNAL_WRITE'),
    );
    expect([...store.inputsFrom(at(0))]).toEqual([bar('A', 1)]);
    expect(store.lastSignals()).toHaveLength(1);
    store.append([bar('A', 2)], [signal('A_B', 2)]);
    expect(store.lastSignals()[0]!.time).toBe(at(2));
    store.close();
  });

  it('tells each signal which inputs came before it', () => {
    const path = freshPath();
    const store = openJournal(path);
    store.append([bar('A', 1), bar('B', 1)], [signal('A_B', 1)]);
    store.append([word('swap', 'v', 1)], []);
    store.append([bar('A', 2), bar('B', 2)], [signal('A_B', 2)]);
    store.close();
    const db = new Database(path, { readonly: true });
    expect(db.prepare('SELECT after_input FROM signals ORDER BY signal_row').pluck().all()).toEqual([2, 5]);
    db.close();
  });

  it('forgets what is older than a minute and nothing else', () => {
    const store = openJournal(freshPath());
    store.append(
      [bar('A', 1), bar('A', 2), word('timeout', 'A_B', 2), bar('A', 3)],
      [signal('A_B', 1), signal('A_B', 2)],
    );
    store.forgetBefore(at(2));
    expect([...store.inputsFrom(at(0))]).toEqual([bar('A', 2), word('timeout', 'A_B', 2), bar('A', 3)]);
    store.forgetBefore(at(9));
    expect([[...store.inputsFrom(at(0))], store.lastSignals()]).toEqual([[], []]);
    store.close();
  });

  it('can be read while another process writes, always up to a whole batch', async () => {
    const program = await buildProgram('store_program');
    const path = freshPath();
    const writer = program.start(['write', path, '3000']);
    expect(await writer.line()).toBe('open');
    const reader = openJournal(path, { readOnly: true });
    expect(await writer.line()).toBe('well under way');
    let seen = 0;
    let looks = 0;
    while (seen < 3000) {
      const rows = [...reader.inputsFrom(at(0))];
      expect(rows.length % 2).toBe(0);
      expect(rows.length / 2).toBeGreaterThanOrEqual(seen);
      seen = rows.length / 2;
      looks++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(looks).toBeGreaterThan(1);
    expect(await writer.line()).toBe('done');
    expect(() => reader.append([bar('A', 1)], [])).toThrowError(withCode('JOURNAL_WRITE'));
    reader.close();
    await program.remove();
  });

  it('keeps what was committed when its writer is killed, and nothing half', async () => {
    const program = await buildProgram('store_program');
    const path = freshPath();
    const writer = program.start(['write', path, '1000000']);
    expect([await writer.line(), await writer.line()]).toEqual(['open', 'well under way']);
    await writer.kill('SIGKILL');
    const store = openJournal(path);
    const rows = [...store.inputsFrom(at(0))];
    expect(rows.length).toBeGreaterThan(40);
    expect(rows.length % 2).toBe(0);
    expect(rows.map(({ time }) => time)).toEqual(rows.map((_, i) => at(Math.floor(i / 2))));
    store.append([bar('A', 1_000_001)], []);
    store.close();
    await program.remove();
  });

  it('says JOURNAL_WRITE on a disk that is full, and goes on when there is room again', (context) => {
    const mount = join(folder, 'small_disk');
    mkdirSync(mount);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mount], { stdio: 'ignore' });
    } catch {
      context.skip('only root may mount');
    }
    try {
      const store = openJournal(join(mount, 'journal.db'));
      const ballast = join(mount, 'ballast');
      writeFileSync(ballast, Buffer.alloc(300_000));
      const batch = (n: number): InputRow[] => Array.from({ length: 200 }, (_, i) => bar('A', n * 200 + i));
      let stored = 0;
      const fill = (): void => {
        for (; stored < 1000; stored++) store.append(batch(stored), []);
      };
      expect(fill).toThrowError(withCode('JOURNAL_WRITE'));
      expect(stored).toBeGreaterThan(0);
      expect([...store.inputsFrom(at(0))]).toHaveLength(stored * 200);
      rmSync(ballast);
      store.append(batch(stored), []);
      expect([...store.inputsFrom(at(0))].at(-1)!.time).toBe(at(stored * 200 + 199));
      store.close();
    } finally {
      execFileSync('umount', [mount]);
    }
  });

  it('is not opened when it cannot be a journal, and the file stays as it was', () => {
    const text = join(folder, 'notes.db');
    writeFileSync(text, 'these are notes and no database, '.repeat(100));
    expect(() => openJournal(text)).toThrowError(withCode('JOURNAL_DAMAGED'));
    expect(() => openJournal(text, { readOnly: true })).toThrowError(withCode('JOURNAL_DAMAGED'));
    const other = join(folder, 'other.db');
    new Database(other).exec('CREATE TABLE inputs (x)').close();
    expect(() => openJournal(other)).toThrowError(withCode('JOURNAL_DAMAGED'));
    expect(() => openJournal(other, { readOnly: true })).toThrowError(withCode('JOURNAL_DAMAGED'));
    expect(() => openJournal(join(text, 'x.db'))).toThrowError(withCode('JOURNAL_WRITE'));
    expect(() => openJournal(folder)).toThrowError(withCode('JOURNAL_WRITE'));
    const absent = join(folder, 'absent.db');
    expect(() => openJournal(absent, { readOnly: true })).toThrowError(withCode('DATA_MISSING'));
    expect(() => openJournal(absent, { readOnly: true })).toThrowError(absent);
  });

  it('finds the minute from which on the last bars of a pair were complete, as a look at all of them does', () => {
    const minute = fc.integer({ min: 1, max: 25 });
    const row = fc.record({
      symbol: fc.constantFrom('A', 'B', 'C'),
      minute,
      kind: fc.constantFrom('bar', 'bar', 'bar', 'bar', 'empty', 'timeout'),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 120 }),
        fc.integer({ min: 1, max: 30 }),
        minute,
        (events, count, until) => {
          const store = openJournal(':memory:');
          const rows = new Map<string, InputRow>();
          for (const { symbol, minute, kind } of events) {
            const subject = kind === 'timeout' ? `${symbol}_${symbol === 'B' ? 'C' : 'B'}` : symbol;
            if (rows.has(`${subject}${minute}`)) continue;
            rows.set(
              `${subject}${minute}`,
              kind === 'bar' ? bar(symbol, minute) : word(kind as 'empty' | 'timeout', subject, minute),
            );
          }
          store.append([...rows.values()], []);
          for (const id of ['A_B', 'B_C', 'C_B']) {
            const pair = parsePair(id);
            const complete: OpenTime[] = [];
            for (let minute = until; minute >= 1; minute--) {
              const both = [pair.a, pair.b].every((symbol) => rows.get(`${symbol}${minute}`)?.kind === 'bar');
              if (both && !rows.has(`${id}${minute}`)) complete.push(at(minute));
            }
            expect(store.commonMinuteBefore(pair, count, at(until))).toBe(complete.slice(0, count).at(-1) ?? null);
          }
          store.close();
        },
      ),
      { numRuns: 200 },
    );
  });
});
