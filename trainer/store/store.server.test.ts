import fc from 'fast-check';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { type BarColumns, columnsOf, emptyColumns } from '../../shared/bar_file/bar_file.ts';
import { joinBars, mergeBars } from '../../shared/bar_file/bar_merge.ts';
import { describeError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { POSTGRES_NOTE, type PostgresServer, startPostgres } from './postgres_server.fixture.ts';
import { openSqlite } from './sqlite.ts';
import { STORE_SCHEMA, type StoreSchema } from './migrations.ts';
import { SCHEMA_FINGERPRINT } from './schema/schema.ts';
import {
  IN_MEMORY,
  lookAtTables,
  openStore,
  openStoreIfThere,
  refuseOtherTables,
  type Store,
  storeUnusable,
  storeUrl,
} from './store.ts';
import { isReservedTable } from '../../shared/policy/reserved_tables.ts';

const T0 = 1_546_300_800 as OpenTime;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `count` bars from minute `first` on, with prices that have no short binary form; `shift` changes them. */
function someBars(count: number, { first = 0, shift = 0, spread = false, symbol = 'XAUUSD' } = {}): BarColumns {
  const { spread: spreads, ...columns } = emptyColumns(count);
  for (let i = 0; i < count; i++) {
    const minute = first + i;
    const price = 1200 + Math.sin(minute) * 10 + shift;
    columns.time[i] = T0 + minute * 60;
    columns.open[i] = price;
    columns.high[i] = price + 0.1;
    columns.low[i] = price - 0.1;
    columns.close[i] = price + 0.05;
    columns.volume[i] = minute % 7;
    spreads[i] = minute % 3 === 0 ? NaN : 0.01 * (minute % 5);
  }
  return { symbol, length: count, ...columns, spread: spread ? spreads : null };
}

const at = (minute: number): OpenTime => (T0 + minute * 60) as OpenTime;

let server: PostgresServer | null = null;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server?.stop());

/** A planted version 2. */
const addNotes = (db: Store['db']): Promise<void> =>
  db.schema.createTable('core.bar_notes').addColumn('text', 'text').execute();
const LATER: StoreSchema = {
  async create(db, kind) {
    await STORE_SCHEMA.create(db, kind);
    await addNotes(db);
  },
  fingerprint: 'of version 2',
  migrations: [{ name: 'notes of bars', from: SCHEMA_FINGERPRINT, isAdditive: true, up: addNotes }],
};

/** Every table and column. */
async function tablesOf({ db, kind }: Store): Promise<readonly unknown[]> {
  const { rows } =
    kind === 'sqlite'
      ? await sql`SELECT name, sql FROM sqlite_master ORDER BY name`.execute(db)
      : await sql`SELECT table_name, column_name, data_type FROM information_schema.columns
          WHERE table_schema IN ('core', 'audit') ORDER BY 1, 2`.execute(db);
  return rows;
}

const KINDS = [
  { kind: 'sqlite' as const, note: '', newUrl: () => Promise.resolve(join(folder, 'home', 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
];

describe.each(KINDS)('a store on $kind $note', ({ kind, note, newUrl }) => {
  let url: string;
  let store: Store;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    url = await newUrl();
    store = await openStore(url);
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });

  it('returns bars as they were stored, to the bit', async () => {
    const bars = someBars(500, { spread: true });
    expect(await store.bars.put('live', bars)).toEqual({ added: 500, duplicates: 0, conflicts: 0, conflicting: [] });
    expect(await store.bars.read('live', 'XAUUSD')).toEqual(bars);
    const hard = columnsOf('X', [
      {
        symbol: 'X',
        time: T0,
        open: 0.1 + 0.2,
        high: 1.7976931348623157e308,
        low: 5e-324,
        close: 1 / 3,
        volume: 2 ** 53,
      },
    ]);
    await store.bars.put('live', hard);
    expect(await store.bars.read('live', 'X')).toEqual(hard);
  });

  it('accepts the same bars any number of times and keeps the first copy of differing ones', async () => {
    await store.bars.put('live', someBars(100));
    expect(await store.bars.put('live', someBars(150))).toMatchObject({ added: 50, duplicates: 100, conflicts: 0 });
    const others = someBars(3, { first: 148, shift: 1 });
    const put = await store.bars.put('live', others);
    expect(put).toMatchObject({ added: 1, duplicates: 0, conflicts: 2 });
    const { open, high, low, close, volume } = someBars(150);
    const kept = [open, high, low, close, volume].map((column) => column[148]).join(' ');
    expect(put.conflicting[0]).toMatchObject({ time: at(148), kept });
    expect((await store.bars.read('live', 'XAUUSD', { to: at(150) })).close).toEqual(close);
  });

  it('treats copies of a bar with and without a spread as the same bar', async () => {
    await store.bars.put('live', someBars(10));
    expect(await store.bars.put('live', someBars(10, { spread: true }))).toMatchObject({ added: 0, duplicates: 10 });
    expect((await store.bars.read('live', 'XAUUSD')).spread).toBeNull();
    expect(await store.bars.hasSpread('live', 'XAUUSD')).toBe(false);
    await store.bars.put('live', someBars(2, { first: 10, spread: true }));
    expect(await store.bars.hasSpread('live', 'XAUUSD')).toBe(true);
    expect(await store.bars.hasSpread('live', 'XAUUSD', { to: at(10) })).toBe(false);
  });

  it('reads a period, from inclusive, to exclusive, whole or in pages of any size', async () => {
    const bars = someBars(1000, { spread: true });
    await store.bars.put('live', bars);
    const part = await store.bars.read('live', 'XAUUSD', { from: at(100), to: at(200) });
    expect([part.length, part.time[0], part.time[99]]).toEqual([100, at(100), at(199)]);
    expect((await store.bars.read('live', 'XAUUSD', { from: at(1000) })).length).toBe(0);
    expect((await store.bars.read('live', 'EURUSD')).length).toBe(0);
    for (const size of [1, 7, 500, 1000, 5000]) {
      const pages: BarColumns[] = [];
      for await (const page of store.bars.pages('live', 'XAUUSD', { from: at(900) }, size)) pages.push(page);
      expect(pages.length).toBe(Math.ceil(100 / size));
      expect(joinBars('XAUUSD', pages)).toEqual(await store.bars.read('live', 'XAUUSD', { from: at(900) }));
    }
  });

  it('keeps markets and symbols apart and reports what it has of each', async () => {
    await store.bars.put('live', someBars(10));
    await store.bars.put('live', someBars(5, { first: 3, symbol: 'EURUSD' }));
    await store.bars.put('simulated', someBars(7, { shift: 5 }));
    expect(await store.bars.symbols('live')).toEqual([
      { symbol: 'EURUSD', bars: 5, first: at(3), last: at(7) },
      { symbol: 'XAUUSD', bars: 10, first: at(0), last: at(9) },
    ]);
    expect(await store.bars.symbols('simulated')).toMatchObject([{ symbol: 'XAUUSD', bars: 7 }]);
    for (const { symbol, last } of await store.bars.symbols('live'))
      expect(await store.bars.last('live', symbol)).toBe(last);
    expect(await store.bars.last('live', 'NOTHING')).toBeNull();
    expect((await store.bars.read('simulated', 'XAUUSD')).close).toEqual(someBars(7, { shift: 5 }).close);
  });

  it('takes a numbered import back whole, and brings back what it had replaced', async () => {
    const first = await store.importRuns.begin({ market: 'live', kind: 'import', source: 'a.csv', by: 'me' });
    await store.bars.put('live', someBars(100), first);
    await store.series.put(
      'live',
      'XAUUSD',
      'funding_rate',
      { length: 1, time: Float64Array.of(60), value: Float64Array.of(1) },
      first,
    );
    await store.importRuns.finish(first, { added: 100, removed: 0, rejected: 0, verdicts: '{}' });
    const before = await store.bars.read('live', 'XAUUSD');

    const second = await store.importRuns.begin({ market: 'live', kind: 'replace', source: 'b.csv', by: 'me' });
    expect(second).toBe(first + 1);
    const replaced = await store.bars.replace('live', someBars(30, { first: 90, shift: 1 }), second);
    expect(replaced).toMatchObject({ added: 20, replaced: 10, conflicts: 10, duplicates: 0 });
    expect((await store.bars.read('live', 'XAUUSD')).close[95]).toBe(someBars(100, { shift: 1 }).close[95]);
    await store.importRuns.finish(second, { added: 20, removed: 10, rejected: 0, verdicts: '{}' });

    const preview = await store.importRuns.previewUndo(second);
    expect(preview).toMatchObject({ removed: [{ symbol: 'XAUUSD', bars: 30 }], restored: [{ bars: 10 }] });
    expect((await store.bars.symbols('live'))[0]!.bars).toBe(120);
    expect(await store.importRuns.undo(second, 'me')).toEqual(preview);
    expect(await store.bars.read('live', 'XAUUSD')).toEqual(before);
    await expect(store.importRuns.undo(second, 'me')).rejects.toMatchObject({ code: 'IMPORT_UNDONE' });
    await expect(store.importRuns.undo(99, 'me')).rejects.toMatchObject({ code: 'IMPORT_UNKNOWN' });

    expect(await store.importRuns.undo(first, 'me')).toMatchObject({ series: [{ name: 'funding_rate', values: 1 }] });
    expect(await store.bars.symbols('live')).toEqual([]);
    expect(await store.series.list('live')).toEqual([]);
    const runs = await store.importRuns.list('live');
    expect(runs.map(({ kind, undone_by }) => [kind, undone_by])).toEqual([
      ['replace', 'me'],
      ['import', 'me'],
    ]);
  });

  it('deletes a period as a numbered change that can be undone, and never brings back what another undo has taken', async () => {
    const number = await store.importRuns.begin({ market: 'live', kind: 'import', source: 'a.csv', by: 'me' });
    await store.bars.put('live', someBars(50));
    await store.bars.put('live', someBars(50, { first: 50 }), number);
    const before = await store.bars.read('live', 'XAUUSD');
    const deleted = await store.importRuns.delete('live', 'XAUUSD', { from: at(40), to: at(60) }, 'me');
    expect(deleted.removed).toEqual([{ symbol: 'XAUUSD', bars: 20, first: at(40), last: at(59) }]);
    expect((await store.bars.symbols('live'))[0]!.bars).toBe(80);
    await store.importRuns.undo(deleted.number, 'me');
    expect(await store.bars.read('live', 'XAUUSD')).toEqual(before);
    const again = await store.importRuns.delete('live', 'XAUUSD', { from: at(40), to: at(60) }, 'me');
    await store.importRuns.undo(number, 'me');
    await store.importRuns.undo(again.number, 'me');
    expect((await store.bars.read('live', 'XAUUSD')).length).toBe(50);
    await expect(store.importRuns.delete('live', 'NOTHING', {}, 'me')).rejects.toMatchObject({ code: 'DATA_MISSING' });
  });

  it('undone in any order, changes leave what the others make of the bars', async () => {
    const begin = (kind: 'import' | 'replace'): Promise<number> =>
      store.importRuns.begin({ market: 'live', kind, source: `${kind}.csv`, by: 'me' });
    const closes = async (): Promise<number[]> => [...(await store.bars.read('live', 'XAUUSD')).close];
    const versions = [0, 1, 2].map((shift) => someBars(10, { shift }));
    const pristine = [...versions[0]!.close];

    // Replaced, then deleted: undoing the replacement does not bring deleted bars back; undoing the deletion does.
    const first = await begin('import');
    await store.bars.put('live', versions[0]!, first);
    const second = await begin('replace');
    await store.bars.replace('live', versions[1]!, second);
    const deletion = await store.importRuns.delete('live', 'XAUUSD', {}, 'me');
    expect(await store.importRuns.previewUndo(second)).toMatchObject({ removed: [], restored: [] });
    await store.importRuns.undo(second, 'me');
    expect(await closes()).toEqual([]);
    expect(await store.importRuns.undo(deletion.number, 'me')).toMatchObject({ restored: [{ bars: 10 }] });
    expect(await closes()).toEqual(pristine);

    // Deleted, then imported anew: the old bars wait under the new ones, and return when these are taken back.
    const another = await store.importRuns.delete('live', 'XAUUSD', {}, 'me');
    const third = await begin('import');
    await store.bars.put('live', versions[2]!, third);
    expect(await store.importRuns.undo(another.number, 'me')).toMatchObject({ restored: [] });
    expect(await closes()).toEqual([...versions[2]!.close]);
    expect(await store.importRuns.undo(third, 'me')).toMatchObject({
      removed: [{ bars: 10 }],
      restored: [{ bars: 10 }],
    });
    expect(await closes()).toEqual(pristine);

    // Replaced twice: taking the earlier replacement back changes what the later one brings back.
    const fourth = await begin('replace');
    await store.bars.replace('live', versions[1]!, fourth);
    const fifth = await begin('replace');
    await store.bars.replace('live', versions[2]!, fifth);
    await store.importRuns.undo(fourth, 'me');
    expect(await closes()).toEqual([...versions[2]!.close]);
    await store.importRuns.undo(fifth, 'me');
    expect(await closes()).toEqual(pristine);
    await store.importRuns.undo(first, 'me');
    expect(await closes()).toEqual([]);
  });

  it('counts what an import has brought that runs, or was killed, and keeps the count when it is undone', async () => {
    const killed = await store.importRuns.begin({ market: 'live', kind: 'import', source: 'a.csv', by: 'me' });
    await store.bars.put('live', someBars(10), killed);
    expect(await store.importRuns.list('live')).toMatchObject([{ added: 10, finished_ms: null, undone_ms: null }]);
    await store.importRuns.undo(killed, 'me');
    expect(await store.importRuns.list('live')).toMatchObject([{ added: 10, finished_ms: null, undone_by: 'me' }]);
  });

  it('names files that were imported later, since bars that they had as well go with the first', async () => {
    const file = { symbol: 'XAUUSD', sha256: '', layout: 'table', timezone: 'UTC', rows: 10, rejected: 0 };
    const first = await store.importRuns.begin({ market: 'live', kind: 'import', source: 'a.csv', by: 'me' });
    await store.bars.put('live', someBars(10), first);
    await store.imports.add('live', { ...file, file: '/a.csv' }, first);
    const second = await store.importRuns.begin({ market: 'live', kind: 'import', source: 'b.csv', by: 'me' });
    await store.bars.put('live', someBars(20), second);
    await store.imports.add('live', { ...file, file: '/b.csv' }, second);
    await store.imports.add('live', { ...file, file: '/again.csv' });
    await store.imports.add('live', { ...file, symbol: 'EURUSD', file: '/other.csv' });
    expect((await store.importRuns.previewUndo(first)).later_files).toEqual(['/again.csv', '/b.csv']);
    expect((await store.importRuns.undo(second, 'me')).later_files).toEqual(['/again.csv']);
    expect((await store.importRuns.undo(first, 'me')).later_files).toEqual(['/again.csv']);
  });

  it('has the result of merging in memory, for any input in any order', async () => {
    const put = fc.record({
      minutes: fc.uniqueArray(fc.nat({ max: 60 }), { minLength: 1, maxLength: 30 }),
      shift: fc.integer({ min: 0, max: 2 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(put, { minLength: 1, maxLength: 5 }), async (puts) => {
        const symbol = `S${run++}`;
        let oracle: BarColumns | null = null;
        for (const { minutes, shift } of puts) {
          const rows = minutes.sort((a, b) => a - b).map((first) => someBars(1, { first, shift, symbol }));
          const bars = joinBars(symbol, rows);
          const { columns, conflictPeriod: _period, ...counts } = mergeBars(oracle, bars);
          expect(await store.bars.put('live', bars)).toEqual(counts);
          oracle = columns;
        }
        expect(await store.bars.read('live', symbol)).toEqual(oracle);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps auxiliary series, and returns the values known at a time', async () => {
    const values = { length: 3, time: Float64Array.of(100, 28_900, 57_701), value: Float64Array.of(1e-4, -2.5e-5, 0) };
    const put = (value = values) => store.series.put('live', 'BTCUSDT', 'funding_rate', value);
    expect(await put()).toEqual({ added: 3, duplicates: 0, conflicts: 0 });
    const changed = { ...values, value: Float64Array.of(1e-4, 7, 0) };
    expect(await put(changed)).toEqual({ added: 0, duplicates: 2, conflicts: 1 });
    expect(await store.series.read('live', 'BTCUSDT', 'funding_rate')).toEqual(values);
    const part = await store.series.read('live', 'BTCUSDT', 'funding_rate', {
      from: 101 as OpenTime,
      to: 57_701 as OpenTime,
    });
    expect([...part.value]).toEqual([-2.5e-5]);
    const known = (time: number) => store.series.lastAt('live', 'BTCUSDT', 'funding_rate', time);
    expect([await known(99), await known(100), await known(28_899), await known(1e9)]).toEqual([
      null,
      { time: 100, value: 1e-4 },
      { time: 100, value: 1e-4 },
      { time: 57_701, value: 0 },
    ]);
    expect(await store.series.list('live')).toEqual([
      { symbol: 'BTCUSDT', name: 'funding_rate', values: 3, first: 100, last: 57_701 },
    ]);
    expect(await store.series.list('simulated')).toEqual([]);
  });

  it('records each file that was imported', async () => {
    const file = { symbol: 'X', file: '/in/X.csv', sha256: 'ab'.repeat(32), layout: 'histdata', timezone: '-05:00/EU' };
    await store.imports.add('live', { ...file, rows: 10, rejected: 1 });
    await store.imports.add('live', { ...file, rows: 12, rejected: 0 });
    const imports = await store.imports.list('live');
    expect(imports).toHaveLength(2);
    expect(imports[1]).toMatchObject({ ...file, market: 'live' });
    expect(new Set(imports.map(({ rows }) => rows))).toEqual(new Set([10, 12]));
    expect(await store.imports.list('simulated')).toEqual([]);
  });

  const freshUrl = (): Promise<string> =>
    kind === 'sqlite' ? Promise.resolve(join(folder, 'fresh', 'x.db')) : newUrl();

  it('reopens with its contents, also when many processes create it at once', async () => {
    await store.bars.put('live', someBars(10));
    const again = await openStore(url);
    expect((await again.bars.read('live', 'XAUUSD')).length).toBe(10);
    await again.close();
    const target = await freshUrl();
    const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(target)));
    await Promise.all(stores.map((one, i) => one.bars.put('live', someBars(200, { first: i * 100 }))));
    expect(await stores[0]!.bars.symbols('live')).toMatchObject([{ bars: 600 }]);
    await Promise.all(stores.map((one) => one.close()));
  });

  const versions = () => store.db.selectFrom('core.migrations').selectAll().orderBy('version').execute();

  it('has the tables of version 1, whose fingerprint is kept', async () => {
    expect(await versions()).toMatchObject([{ version: 1, is_additive: null, fingerprint: SCHEMA_FINGERPRINT }]);
    expect(await lookAtTables(url)).toMatchObject({ applied: 1, own: 1, pending: [] });
  });

  it('of a schema that has changed in place since is refused, whatever its version, and stays as it is', async () => {
    await store.bars.put('live', someBars(3));
    const changed = { ...STORE_SCHEMA, fingerprint: 'another' };
    const refusal = { code: 'STORE_VERSION', seen: expect.stringContaining('never released') as string };
    await expect(openStore(url, MACHINE_CLOCK, changed)).rejects.toMatchObject(refusal);
    await expect(lookAtTables(url, changed)).rejects.toMatchObject(refusal);
    await (await openStore(url, MACHINE_CLOCK, LATER)).close();
    const later = { ...LATER, migrations: [{ ...LATER.migrations[0]!, from: 'another' }] };
    await store.db.deleteFrom('core.migrations').where('version', '=', 2).execute();
    await expect(openStore(url, MACHINE_CLOCK, later)).rejects.toMatchObject(refusal);
    expect((await store.bars.read('live', 'XAUUSD')).length).toBe(3);
    expect(await versions()).toHaveLength(1);
  });

  it('of a build before the first release, which kept no fingerprint, is refused and stays as it is', async () => {
    await store.db.schema.alterTable('core.migrations').dropColumn('fingerprint').execute();
    for (const version of [2, 3])
      await sql`INSERT INTO ${sql.table('core.migrations')} VALUES (${version}, 'earlier', 0, 1)`.execute(store.db);
    await expect(openStore(url)).rejects.toMatchObject({
      code: 'STORE_VERSION',
      next: expect.stringContaining(kind === 'sqlite' ? 'move trainer.db' : 'MINUTEHAND_DATABASE_URL') as string,
    });
    await expect(refuseOtherTables(url)).rejects.toMatchObject({ code: 'STORE_VERSION' });
    expect(await versions()).toHaveLength(3);
  });

  it('of an earlier release is upgraded once, by whichever process is first, to what a new one has', async () => {
    await store.bars.put('live', someBars(3));
    expect(await lookAtTables(url, LATER)).toMatchObject({
      applied: 1,
      own: 2,
      pending: ['notes of bars'],
      pendingIsAdditive: true,
    });
    expect(await versions()).toHaveLength(1);
    const opened = await Promise.all([1, 2, 3].map(() => openStore(url, MACHINE_CLOCK, LATER)));
    const upgraded = opened[0]!;
    expect((await upgraded.bars.read('live', 'XAUUSD')).length).toBe(3);
    expect((await versions()).map(({ version, name }) => [version, name])).toEqual([
      [1, 'first release'],
      [2, 'notes of bars'],
    ]);
    const fresh = await openStore(await freshUrl(), MACHINE_CLOCK, LATER);
    expect(await tablesOf(upgraded)).toEqual(await tablesOf(fresh));
    expect(await tablesOf(fresh)).not.toEqual([]);
    const rows = await fresh.db.selectFrom('core.migrations').selectAll().orderBy('version').execute();
    const ofTime = { applied_ms: expect.any(Number) as number };
    expect(rows).toEqual((await versions()).map((row) => ({ ...row, ...ofTime })));
    await Promise.all([...opened, fresh].map((one) => one.close()));
  });

  it('is left as it was by a migration that fails', async () => {
    const up = async (db: Store['db']): Promise<void> => {
      await db.schema.createTable('core.halfway').addColumn('text', 'text').execute();
      throw new Error('no');
    };
    const failing = { ...LATER, migrations: [{ ...LATER.migrations[0]!, up }] };
    const before = await tablesOf(store);
    await expect(openStore(url, MACHINE_CLOCK, failing)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
    expect([await tablesOf(store), (await versions()).length]).toEqual([before, 1]);
  });

  it('of a later release is used where it has only added to the tables, and refused otherwise', async () => {
    await (await openStore(url, MACHINE_CLOCK, LATER)).close();
    await (await openStore(url)).close();
    expect(await lookAtTables(url)).toMatchObject({ applied: 2, own: 1, pending: [] });
    await store.db.updateTable('core.migrations').set({ is_additive: null }).where('version', '=', 2).execute();
    await store.db
      .insertInto('core.migrations')
      .values({ version: 3, name: 'later', applied_ms: 0, is_additive: 1, fingerprint: 'later' })
      .execute();
    const refusal = {
      code: 'STORE_VERSION',
      seen: expect.stringContaining('has version 3 of the tables, for programs that know version 2') as string,
    };
    await expect(openStore(url)).rejects.toMatchObject(refusal);
    await expect(refuseOtherTables(url)).rejects.toMatchObject(refusal);
  });

  it('names its tables schema.table, or schema_table without schemas', async () => {
    const text = store.db.selectFrom('core.bars').select('core.bars.close').compile().sql;
    expect(text).toBe(
      kind === 'sqlite'
        ? 'select "core_bars"."close" from "core_bars"'
        : 'select "core"."bars"."close" from "core"."bars"',
    );
  });
});

describe('the URL of the store', () => {
  it('of a missing file opens no store for readers, which create none; that of a server does', async () => {
    const home = homePaths({ MINUTEHAND_HOME: folder });
    expect(await openStoreIfThere({}, home)).toBeNull();
    expect(readdirSync(folder)).toEqual([]);
    await (await openStore(home.trainer)).close();
    const store = await openStoreIfThere({ MINUTEHAND_DATABASE_URL: '' }, home);
    expect(store).toMatchObject({ kind: 'sqlite', place: home.trainer });
    await store!.close();
    await expect(
      openStoreIfThere({ MINUTEHAND_DATABASE_URL: 'postgres://u@127.0.0.1:1/d' }, home),
    ).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
  });

  it('is PostgreSQL’s when the environment names it, else the file of the home', () => {
    const home = homePaths({ MINUTEHAND_HOME: folder });
    expect(storeUrl({}, home)).toBe(join(folder, 'trainer.db'));
    expect(storeUrl({ MINUTEHAND_DATABASE_URL: '' }, home)).toBe(join(folder, 'trainer.db'));
    expect(storeUrl({ MINUTEHAND_DATABASE_URL: 'postgres://h/d' }, home)).toBe('postgres://h/d');
  });

  it('is never shown with its password', () => {
    for (const url of ['postgres://u:p@ss@127.0.0.1:1/d?sslpassword=secret', 'postgres://[secret']) {
      const { message } = storeUnusable(url, new Error('no answer'));
      expect(message).toContain('postgres://***');
      expect(message).not.toMatch(/p@ss|secret/);
    }
  });

  it('of a server without an answer, or of no store, is refused with a code', async () => {
    const refusal = (url: string) =>
      openStore(url).then(
        () => null,
        (error: unknown) => error,
      );
    expect(await refusal('postgres://u:secret@127.0.0.1:1/d')).toMatchObject({ code: 'STORE_UNUSABLE' });
    expect(String(await refusal('postgres://u:secret@127.0.0.1:1/d'))).not.toContain('secret');
    expect(await refusal('mysql://h/d')).toMatchObject({ code: 'STORE_UNUSABLE' });
    writeFileSync(join(folder, 'text.db'), 'this is no database, only text that is long enough to look at'.repeat(20));
    expect(await refusal(join(folder, 'text.db'))).toMatchObject({ code: 'DATABASE_DAMAGED' });
    writeFileSync(join(folder, 'file'), '');
    expect(await refusal(join(folder, 'file', 'x.db'))).toMatchObject({ code: 'STORE_UNUSABLE' });
    expect(readdirSync(folder).sort()).toEqual(['file', 'text.db']);
  });
});

describe('PostgreSQL that ends its sessions', () => {
  it('and does not come back has the code of an unusable store at every query, not that of a defect', async (context) => {
    const own = await startPostgres();
    if (own === null) return context.skip(POSTGRES_NOTE);
    const url = await own.createDatabase();
    const store = await openStore(url);
    expect(await store.imports.list('live')).toEqual([]);
    await own.stop();
    const bars = someBars(1);
    const asked = [
      () => store.imports.list('live'),
      () => store.bars.symbols('live'),
      () => store.bars.read('live', 'EURUSD', {}),
      () => store.transaction((db) => sql`SELECT 1`.execute(db)),
      () => store.bars.put('live', bars),
    ];
    for (const ask of asked) {
      const error = await Promise.resolve(ask()).then(
        () => null,
        (thrown: unknown) => describeError(thrown),
      );
      expect(error, String(ask)).toMatchObject({ code: 'STORE_UNUSABLE' });
    }
    await store.close();
  });

  it('fails the transaction in progress and ends no process; the next query has a new connection', async (context) => {
    if (server === null) return context.skip(POSTGRES_NOTE);
    const store = await openStore(await server.createDatabase());
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', note);
    try {
      const failed = store.transaction(async (db) => {
        await sql`SELECT 1`.execute(db);
        await server!.restart();
        // The connection is lost here, between two queries.
        await new Promise((resolve) => setTimeout(resolve, 200));
        await sql`SELECT 2`.execute(db);
      });
      await expect(failed).rejects.toThrow();
      expect(await store.imports.list('live')).toEqual([]);
      expect(uncaught).toEqual([]);
    } finally {
      process.off('uncaughtException', note);
      await store.close();
    }
  });
});

describe('a store in a file', () => {
  it('lets another connection of this process write after a transaction, and does not block the process', async () => {
    const path = join(folder, 'shared', 'trainer.db');
    const one = await openSqlite(path);
    const other = await openSqlite(path);
    await sql`CREATE TABLE notes (text TEXT)`.execute(one.db);
    const order: string[] = [];
    let ticks = 0;
    const tick = setInterval(() => ticks++, 1);
    const write = (text: string, db: typeof one.db): Promise<void> =>
      sql`INSERT INTO notes VALUES (${text})`.execute(db).then(() => void order.push(text));
    const transaction = one.transaction(async (db) => {
      await write('in the transaction', db);
      // The other connection waits now: a process that it blocked would have no more ticks.
      const before = ticks;
      await vi.waitFor(() => expect(ticks).toBeGreaterThan(before + 3), { timeout: 20_000 });
      order.push('end of the transaction');
    });
    await vi.waitFor(() => expect(order).toEqual(['in the transaction']), 20_000);
    await Promise.all([transaction, write('alone', other.db)]);
    clearInterval(tick);
    expect(order).toEqual(['in the transaction', 'end of the transaction', 'alone']);
    await Promise.all([one.close(), other.close()]);
  });
});

describe('a table that a policy names', () => {
  it('is never a table, a view or an index of the store', async () => {
    const store = await openStore(IN_MEMORY);
    try {
      const { rows } = await sql<{
        name: string;
      }>`SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name`.execute(store.db);
      expect(rows.length).toBeGreaterThan(20);
      const open: string[] = [];
      // In SQLite a name may be divided into schema and table at each of its underscores.
      for (const { name } of rows) {
        for (let at = name.indexOf('_'); at > 0 && at < name.length - 1; at = name.indexOf('_', at + 1)) {
          const table = `${name.slice(0, at)}.${name.slice(at + 1)}`;
          if (!isReservedTable(table)) open.push(table);
        }
      }
      expect(open).toEqual([]);
    } finally {
      await store.close();
    }
  });

  it('is neither one of the database itself', () => {
    for (const table of [
      'core.bars_pkey',
      'pg_catalog.pg_class',
      'information_schema.tables',
      'sqlite_master.x',
      'sqlite.schema',
    ])
      expect([table, isReservedTable(table)]).toEqual([table, true]);
    for (const table of ['audit.retrain_runs', 'core.signals_live', 'core.signals_history', 'public.runs'])
      expect([table, isReservedTable(table)]).toEqual([table, false]);
  });
});
