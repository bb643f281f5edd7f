import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../../test/program.ts';
import { parsePair } from '../pair.ts';
import { openJournal, type InputRow } from './journal.ts';
import { at, bar, describeJournalStore, shadow, signal, word } from './journal_conformance.fixture.ts';
import { Database } from './sqlite.ts';
import { journaledBars } from './warm_bars.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-journal-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const freshPath = (): string => join(folder, `${++files}.db`);
const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

const BOOT = { market: 'live', featureSchema: 'f', policyHash: 'p', startedMs: 1 };

describeJournalStore('on disk', () => {
  const path = freshPath();
  return { open: () => openJournal(path) };
});

describe('the journal file', () => {
  it('records for each signal which inputs came before it', () => {
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

  it('is read page by page: a reader that stops between two rows neither keeps its log nor sees later rows', () => {
    const path = freshPath();
    const writer = openJournal(path);
    // More than two pages of each kind of row; two bars of each minute.
    const minutes = Array.from({ length: 1300 }, (_, i) => i);
    const series = word('series', 'x', 1);
    const inputs = minutes.flatMap((i) => [bar('A', i), bar('A', i, { close: 2 }), series, word('earlier', `${i}`, i)]);
    const signals = [...minutes, ...minutes].map((i) => signal('A_B', i));
    const shadows = [...minutes, ...minutes].map((i) => shadow('A_B', i, i % 2 === 0 ? 'v' : 'w'));
    writer.append(inputs, signals, shadows);
    const reader = openJournal(path, { readOnly: true });
    const reads: Readonly<Record<string, () => IterableIterator<unknown>>> = {
      inputsFrom: () => reader.inputsFrom(at(0)),
      seriesBetween: () => reader.seriesBetween(at(0), at(2)),
      earlierChanges: () => reader.earlierChanges(),
      signals: () => reader.signals(),
      signalsOfPair: () => reader.signals({ pairId: 'A_B' }),
      signalsBetween: () => reader.signalsBetween(at(0), at(1300)),
      shadows: () => reader.shadows(),
      shadowsOf: () => reader.shadowsOf('v', at(0)),
      bars: () => reader.bars('A'),
    };
    const answers = signals.map(({ bootId, pairId, time, body, featuresCrc, position }) => ({
      ...{ bootId, pairId, time, body, featuresCrc, position },
    }));
    expect([...reads['inputsFrom']!()]).toEqual(inputs);
    expect([...reads['seriesBetween']!()]).toEqual(minutes.map(() => series));
    expect([...reads['earlierChanges']!()]).toEqual(inputs.filter(({ kind }) => kind === 'earlier'));
    for (const name of ['signals', 'signalsOfPair']) expect([...reads[name]!()]).toEqual(answers);
    expect([...reads['shadows']!()]).toEqual(shadows);
    expect([...reads['shadowsOf']!()]).toEqual(shadows.filter(({ modelVersion }) => modelVersion === 'v'));
    expect([...reads['bars']!()]).toEqual(inputs.flatMap(({ bar: own }) => (own === null ? [] : [own])));

    const rows = new Map(Object.entries(reads).map(([name, read]) => [name, [...read()].length]));
    for (const [name, read] of Object.entries(reads)) {
      const iterator = read();
      iterator.next();
      // 40 MB through the log, ten times what it is checkpointed at.
      const long = 'x'.repeat(100_000);
      for (let i = 0; i < 400; i++) writer.append([word('degraded', long, 5000)], []);
      expect([name, statSync(`${path}-wal`).size]).toEqual([name, expect.toSatisfy((size: number) => size < 8 << 20)]);
      writer.append([bar('A', 1)], [signal('A_B', 1)], [shadow('A_B', 1, 'v')]);
      let left = 1;
      while (iterator.next().done !== true) left++;
      expect([name, left]).toEqual([name, rows.get(name)]);
      rows.set('inputsFrom', rows.get('inputsFrom')! + 401);
      for (const other of ['signals', 'signalsOfPair', 'signalsBetween', 'shadows', 'shadowsOf', 'bars'])
        rows.set(other, rows.get(other)! + 1);
    }
    reader.close();
    writer.close();
  });

  it('of an earlier version has bars without taker volume: it is read as it is, and takes them once it is written', () => {
    const path = join(folder, 'earlier.db');
    openJournal(path).close();
    const db = new Database(path);
    for (const name of ['taker_buy_volume', 'trades']) db.exec(`ALTER TABLE inputs DROP COLUMN ${name}`);
    db.exec("INSERT INTO inputs VALUES (1, 'bar', 'A', 60, 1, 2, 1, 2, 3, NULL, 0)");
    db.close();
    const earlier = openJournal(path, { readOnly: true });
    const old = { symbol: 'A', time: 60, open: 1, high: 2, low: 1, close: 2, volume: 3 };
    expect([...earlier.bars('A')]).toEqual([old]);
    earlier.close();
    const journal = openJournal(path);
    const row = bar('A', 2, { takerBuyVolume: 2, trades: 5 });
    journal.append([row], []);
    expect([...journal.bars('A')]).toEqual([old, row.bar]);
    journal.close();
  });

  it('reads the inputs of a period in their order, found by the index of times, and a bar of an hour no later ones', () => {
    const path = freshPath();
    const store = openJournal(path);
    const rows = Array.from({ length: 600 }, (_, i) => [bar('A', i), bar('B', i)]).flat();
    // One that came late, and one that is of an earlier time than those around it.
    store.append([...rows.slice(0, 1000), word('timeout', 'A_B', 3), ...rows.slice(1000), bar('A', 250)], []);
    const read = vi.spyOn(Database.prototype, 'prepare');
    const found = [...store.inputsFrom(at(240), { until: at(299) })];
    const statements = read.mock.calls.map(([text]) => text);
    read.mockRestore();
    expect(found).toEqual([...rows.slice(480, 600), bar('A', 250)]);
    expect([...store.inputsFrom(at(499), { after: 1000 })]).toEqual(rows.slice(1000));
    expect([...store.inputsFrom(at(700))]).toEqual([]);
    const db = new Database(path, { readonly: true });
    const plans = statements.map((text) =>
      db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...text.match(/\?/g)!.map(() => 0)),
    );
    db.close();
    expect(plans).toEqual(
      [
        [{ detail: 'SEARCH inputs USING COVERING INDEX inputs_by_time (time>? AND time<?)' }],
        [{ detail: 'SEARCH inputs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)' }],
      ].map(([row]) => [expect.objectContaining(row!)]),
    );
    const times: number[] = [];
    const watched: Parameters<typeof journaledBars>[0] = {
      commonBars: (...args) => store.commonBars(...args),
      commonMinuteBefore: (...args) => store.commonMinuteBefore(...args),
      *inputsFrom(...args) {
        for (const row of store.inputsFrom(...args)) yield ((times.push(row.time), row));
      },
    };
    const bars = journaledBars(watched, parsePair('A_B@1h'), 2, at(299));
    expect(bars.map(({ a }) => a.time)).toEqual([at(239), at(299)]);
    expect(Math.max(...times)).toBe(at(299));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(at(60));
    store.close();
  });

  it('finds the last fence and the last halts by an index, in a journal of before there was one too', () => {
    const path = freshPath();
    openJournal(path).close();
    const db = new Database(path);
    for (const name of ['inputs_of_leases', 'inputs_of_halts']) db.exec(`DROP INDEX ${name}`);
    db.exec(
      "INSERT INTO inputs (kind, subject, time, backfill) VALUES ('lease', '17', 60, 0), ('halts', 'A_B@v', 60, 0)",
    );
    db.close();
    const store = openJournal(path);
    const read = vi.spyOn(Database.prototype, 'prepare');
    expect([store.lastFence(), store.lastHalts()]).toEqual([17, 'A_B@v']);
    const statements = read.mock.calls.map(([text]) => text);
    read.mockRestore();
    const reader = new Database(path, { readonly: true });
    const plans = statements.flatMap((text) => reader.prepare(`EXPLAIN QUERY PLAN ${text}`).all());
    expect(plans).toMatchObject(
      ['leases', 'halts'].map((name) => ({ detail: `SCAN inputs USING INDEX inputs_of_${name}` })),
    );
    reader.close();
    store.close();
  });

  it('finds by pair the signals that were made late, whatever heartbeats follow', () => {
    const store = openJournal(freshPath());
    const madeAfter = (pair: string, minute: number, seconds: number) => ({
      ...signal(pair, minute),
      generatedAtMs: (at(minute) + 60 + seconds) * 1000,
    });
    const early = [madeAfter('A_B', 1, 1), madeAfter('A_B', 1, 600), madeAfter('C_D', 1, 60)];
    store.append([], [...early, madeAfter('A_B', 2, 61), madeAfter('A_B', 3, 90), madeAfter('C_D', 9, 99)]);
    expect(store.lateSignals(at(1), at(9), 60_000)).toEqual([{ pairId: 'A_B', signals: 2, worstMs: 90_000 }]);
    store.close();
  });

  it('commits a boot with synchronous = FULL, and everything else with NORMAL', () => {
    const path = freshPath();
    const store = openJournal(path);
    const db = new Database(path);
    // Settings of the writing connection, seen by SQLite itself at the moment of the insert.
    db.exec('CREATE TABLE seen (what TEXT, synchronous INTEGER)');
    for (const table of ['boots', 'inputs'])
      db.exec(
        `CREATE TRIGGER watch_${table} AFTER INSERT ON ${table} BEGIN INSERT INTO seen SELECT '${table}', synchronous FROM pragma_synchronous; END`,
      );
    store.append([bar('A', 1)], []);
    store.addBoot({ ...BOOT, bootId: 'b1' });
    store.append([bar('A', 2)], []);
    expect(() => store.addBoot({ ...BOOT, bootId: 'b1' })).toThrowError(withCode('JOURNAL_WRITE'));
    store.append([bar('A', 3)], []);
    expect(db.prepare('SELECT * FROM seen').raw().all()).toEqual([
      ['inputs', 1],
      ['boots', 2],
      ['inputs', 1],
      ['inputs', 1],
    ]);
    db.close();
    store.close();
  });

  it('keeps the newest signal of each pair and every input when it is pruned, and reuses the space', () => {
    const path = freshPath();
    const store = openJournal(path);
    const fill = (from: number): void => {
      for (let minute = from; minute < from + 300; minute++)
        store.append(
          [bar('A', minute), word('silence', 'A_B', minute)],
          minute < 20 ? [signal('A_B', minute), signal('C_D', minute)] : [signal('A_B', minute)],
          [shadow('A_B', minute, 'v')],
        );
    };
    const pages = (): number => {
      const db = new Database(path, { readonly: true });
      const count = db.pragma('page_count', { simple: true }) as number;
      db.close();
      return count;
    };
    const bounds = { throughRow: Number.MAX_SAFE_INTEGER, publishedBeforeMs: Infinity };
    const pruneAll = (): void => {
      while (store.prune(bounds, 50) > 0);
    };
    fill(1);
    const full = pages();
    pruneAll();
    expect(Object.fromEntries(store.lastSignals().map(({ pairId, time }) => [pairId, time]))).toEqual({
      A_B: at(300),
      C_D: at(19),
    });
    expect([...store.signals()]).toHaveLength(2);
    expect([...store.signals({ after: store.pruned()!.signalRow })]).toEqual([]);
    expect([...store.inputsFrom(at(0))]).toHaveLength(600);
    expect(store.lastShadows('v').map(({ time }) => time)).toEqual([at(300)]);
    for (const from of [301, 601, 901]) {
      fill(from);
      pruneAll();
    }
    // Four times the inputs, and signals that come and go.
    expect(pages()).toBeLessThan(2 * full);
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

  it('keeps committed data when its writer is killed, and nothing partial', async () => {
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

  it('reports JOURNAL_WRITE on a full disk, and continues when there is room again', (context) => {
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

  it('is not ready, rather than damaged, while it is being created', () => {
    const path = freshPath();
    const creator = new Database(path);
    creator.pragma('journal_mode = WAL');
    expect(() => openJournal(path, { readOnly: true })).toThrowError(withCode('DATA_MISSING'));
    expect(() => openJournal(path, { readOnly: true })).toThrowError(/not created the tables yet/);
    openJournal(path).close();
    openJournal(path, { readOnly: true }).close();
    creator.close();
  });

  it('is damaged, and lacks no room, when a write meets a page that is none', () => {
    const path = freshPath();
    const store = openJournal(path);
    store.append([bar('A', 1)], []);
    store.close();
    const pages = openSync(path, 'r+');
    // Behind the first page, which opening reads: the tables' roots.
    writeSync(pages, Buffer.alloc(statSync(path).size - 4096, 0xa5), 0, null, 4096);
    closeSync(pages);
    const damaged = openJournal(path);
    expect(() => damaged.append([bar('A', 2)], [])).toThrowError(withCode('JOURNAL_DAMAGED'));
    expect(() => damaged.addBoot({ ...BOOT, bootId: 'b1' })).toThrowError(withCode('JOURNAL_DAMAGED'));
    expect(() => damaged.forgetBefore(at(2))).toThrowError(withCode('JOURNAL_DAMAGED'));
    damaged.close();
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
});
