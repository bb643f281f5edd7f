import type { MarketKind } from '../../../shared/signal/signal.ts';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CompiledQuery } from 'kysely';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MinutehandError } from '../../../shared/errors.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { SignalRow as JournalSignal } from '../../../shared/store/journal.ts';
import { tinySettings, type SettingsOverrides } from '../../../test/tiny_models.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { noteConfigChanges } from '../schedule/config_changes.ts';
import { openStore, type Store } from '../../store/store.ts';
import { createArchive, type SignalArchive } from './archive.ts';
import { archiveAlone } from './archive_lock.ts';
import { openArchivePlace } from './open_archive_place.ts';
import { archiveRound } from './archive_round.ts';
import { createSignalCopy, type SignalCopy } from './copy.ts';
import { dayStartMs } from './day.ts';
import { startHistory } from './history.ts';
import { openSignalTables, type SignalTables } from './signal_tables.ts';
import { bodyText, signalLine, type SignalRow } from './signal_row.ts';
import { readThinned } from './thinned_signals.ts';
import { thinnedOracle } from './thinned_signals.oracle.ts';
import { expectedLines, journalSignals, nextDay, simulatedDay } from './signals.fixture.ts';

const DAY = '2026-03-02';
/** Three pairs, forty minutes, two boots. */
const SMALL = { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'USDJPY_USDCHF'], minutes: 40, boots: 2 };
const policy = loadSettings({ env: {} }).signals;

let folder: string;
let paths: HomePaths;
let nowMs: number;
const clock: Clock = { nowMs: () => nowMs as ReturnType<Clock['nowMs']>, monotonicUs: () => nowMs * 1000 };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-history-'));
  paths = homePaths({ MINUTEHAND_HOME: join(folder, 'home') });
  nowMs = dayStartMs(nextDay(DAY)) + 30 * 60_000;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

let server: PostgresServer | null = null;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server?.stop());

const KINDS = [
  { kind: 'sqlite' as const, note: '', newUrl: () => Promise.resolve(join(folder, 'home', 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
];

/** How a database with many rows executes a statement. */
function planOf({ kind, db }: Store, { sql: text, parameters }: CompiledQuery): Promise<string> {
  return db.transaction().execute(async (on) => {
    if (kind === 'postgres')
      for (const other of ['seqscan', 'bitmapscan', 'sort'])
        await on.executeQuery(CompiledQuery.raw(`SET LOCAL enable_${other} = off`));
    const explain = kind === 'postgres' ? 'EXPLAIN' : 'EXPLAIN QUERY PLAN';
    const { rows } = await on.executeQuery(CompiledQuery.raw(`${explain} ${text}`, [...parameters]));
    return JSON.stringify(rows);
  });
}

async function all(pages: AsyncIterable<readonly SignalRow[]>): Promise<SignalRow[]> {
  const rows: SignalRow[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}

describe.each(KINDS)('the history of signals on $kind $note', ({ note, newUrl }) => {
  let store: Store;
  let tables: SignalTables;
  let copy: SignalCopy;
  let archive: SignalArchive;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    store = await openStore(await newUrl(), clock);
    tables = await openSignalTables(store, policy);
    copy = createSignalCopy(store, tables, paths);
    archive = createArchive(store, tables, await openArchivePlace(policy, paths, {}), clock);
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });

  const journal = (rows: readonly JournalSignal[], shard = 'main', market: MarketKind = 'live'): void =>
    journalSignals(paths.journal(market, shard), rows);
  const stored = async (market = 'live'): Promise<string[]> =>
    (await all(tables.pages({ market }, 50))).map(signalLine);
  const file = (name: string): string => join(paths.home, 'archive', 'signals', 'live', '2026', name);
  const archivedLines = (...names: string[]): string[] =>
    names.flatMap((name) =>
      gunzipSync(readFileSync(file(name)))
        .toString('utf8')
        .trimEnd()
        .split('\n'),
    );

  it('adds the column leverage_reduction_rate to existing tables, and keeps their signals byte for byte', async () => {
    const names = ['core.signals_live', 'core.signals_history'].map((name) =>
      name.replace('.', store.kind === 'sqlite' ? '_' : '.'),
    );
    const run = (text: string) => store.db.executeQuery(CompiledQuery.raw(text));
    await run(`DROP VIEW ${names[1]}_policy`);
    for (const name of names) await run(`ALTER TABLE ${name} DROP COLUMN leverage_reduction_rate`);
    const rows = simulatedDay(DAY, SMALL);
    const old = rows.map((row, i) =>
      i % 2 === 0 ? row : { ...row, body: row.body.replace(/,"expected_net_bps":.*$/, '') },
    );
    journal(old);
    tables = await openSignalTables(store, policy);
    await createSignalCopy(store, tables, paths).pass();
    const bodies = (await all(tables.pages({ market: 'live' }, 50))).map(bodyText);
    expect(new Set(bodies)).toEqual(new Set(old.map(({ body }) => body)));
    const { rows: kept } = await run(`SELECT body FROM ${names[1]} WHERE body IS NOT NULL`);
    expect(kept).toEqual([]);
  });

  it('gives the newest of any number of signals, in turns that let other work run', async () => {
    journal(simulatedDay(DAY, { ...SMALL, minutes: 400 }));
    await copy.pass();
    const rows = await all(tables.pages({ market: 'live' }, 50));
    const ofPair = rows.filter(({ pair_id }) => pair_id === SMALL.pairs[1]);
    for (const limit of [1, 500, 501, 1000, 5000]) {
      expect(await tables.newest({ market: 'live' }, limit)).toEqual(rows.slice(-limit));
      expect(await tables.newest({ market: 'live', pairIds: [SMALL.pairs[1]!] }, limit)).toEqual(ofPair.slice(-limit));
    }
    let turns = 0;
    let isCounting = true;
    const count = (): void => {
      turns++;
      if (isCounting) setImmediate(count);
    };
    count();
    await tables.newest({ market: 'live' }, 1200);
    isCounting = false;
    expect(turns).toBeGreaterThan(2);
  });

  it('joins every signal of a week by policy_hash with the θ1, θ2 and rate that applied', async () => {
    const hashOf = (day: number): string => `${Math.min(day, 5) % 3}`.repeat(16);
    const valuesOf = (day: number) => ({
      theta1_initial: 0.7 + (Math.min(day, 5) % 3) / 100,
      theta2_initial: 0.3,
      leverage_reduction_rate: { drawdown: [[0.01, 1 / (1 + (Math.min(day, 5) % 3))]], risk_score: [] },
    });
    const sent: JournalSignal[] = [];
    for (let day = 0; day < 7; day++) {
      nowMs = dayStartMs(DAY) + day * 86_400_000;
      const date = new Date(nowMs).toISOString().slice(0, 10);
      await noteConfigChanges(store, { core: valuesOf(day), retrain: { kpi_min_trades: day } }, clock, hashOf(day));
      const rate = 1 / (1 + day);
      sent.push(
        ...simulatedDay(date, SMALL).map((row) => ({
          ...row,
          body: row.body
            .replace(/"policy_hash":"[^"]*"/, `"policy_hash":"${hashOf(day)}"`)
            .replace(/"leverage_reduction_rate":[^,}]*/, `"leverage_reduction_rate":${rate}`),
        })),
      );
    }
    journal(sent);
    nowMs += 86_400_000;
    await copy.pass();
    const view = 'core.signals_history_policy'.replace('.', store.kind === 'sqlite' ? '_' : '.');
    const { rows } = await store.db.executeQuery<Record<string, unknown>>(CompiledQuery.raw(`SELECT * FROM ${view}`));
    expect(rows).toHaveLength(sent.length);
    for (const row of rows) {
      const day = Math.floor((Number(row['generated_at_ms']) - dayStartMs(DAY)) / 86_400_000);
      const { theta1_initial, theta2_initial, leverage_reduction_rate } = valuesOf(day);
      expect(row['policy_theta1_initial']).toBe(JSON.stringify(theta1_initial));
      expect(row['policy_theta2_initial']).toBe(JSON.stringify(theta2_initial));
      expect(row['policy_leverage_reduction_rate']).toBe(JSON.stringify(leverage_reduction_rate));
      expect(row['leverage_reduction_rate']).toBe(1 / (1 + day));
      expect(row['theta1']).toSatisfy((value) => value === 0.7 || value === null);
      expect(row['policy_noted_at']).not.toBeNull();
    }
  });

  it('joins signals with a configuration recorded earlier under another hash, or none', async () => {
    const values = { core: { theta1_initial: 0.7, theta2_initial: 0.3, leverage_reduction_rate: {} } };
    const policy_hash = /"policy_hash":"([^"]*)"/.exec(simulatedDay(DAY, SMALL)[0]!.body)![1]!;
    for (const hash of [null, '0'.repeat(16), policy_hash, policy_hash])
      await noteConfigChanges(store, values, clock, hash);
    journal(simulatedDay(DAY, SMALL));
    await copy.pass();
    const view = 'core.signals_history_policy'.replace('.', store.kind === 'sqlite' ? '_' : '.');
    const run = (text: string) => store.db.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text));
    const { rows } = await run(`SELECT DISTINCT policy_theta1_initial, policy_theta2_initial FROM ${view}`);
    expect(rows).toEqual([{ policy_theta1_initial: '0.7', policy_theta2_initial: '0.3' }]);
    const notes = await store.db
      .selectFrom('audit.config_changes')
      .select(['before', 'after', 'policy_hash'])
      .where('key', '=', 'policy_hash')
      .orderBy('change_id')
      .execute();
    expect(notes).toEqual([
      { before: null, after: `"${'0'.repeat(16)}"`, policy_hash: '0'.repeat(16) },
      { before: `"${'0'.repeat(16)}"`, after: `"${policy_hash}"`, policy_hash },
    ]);
  });

  it('has every journaled signal once, byte for byte, however it is batched', async () => {
    const rows = simulatedDay(DAY, SMALL);
    for (let first = 0; first < rows.length; first += 50) {
      journal(rows.slice(first, first + 50));
      expect((await copy.pass()).added).toBe(Math.min(50, rows.length - first));
    }
    expect((await copy.pass()).added).toBe(0);
    // Another process, with no state except the store.
    expect((await createSignalCopy(store, tables, paths).pass()).added).toBe(0);
    expect(await stored()).toEqual(expectedLines(rows));
    const [one] = await all(tables.pages({ market: 'live', pairIds: ['EURUSD_GBPUSD'] }));
    expect(one!.body).toBeNull();
    expect(rows.map(({ body }) => body)).toContain(bodyText(one!));
  });

  it('stores the text of a signal that its columns cannot reproduce, such as one of an older version', async () => {
    const [row] = simulatedDay(DAY, SMALL);
    const body = row!.body.replace('"pair":', '"flavour":"old","pair":');
    journal([{ ...row!, body }]);
    await copy.pass();
    const [one] = await all(tables.pages({ market: 'live' }));
    expect(one!.body).toBe(body);
    expect(await stored()).toEqual(expectedLines([{ ...row!, body }]));
    await archive.archive('live', DAY);
    expect(archivedLines(`${DAY}.jsonl.gz`)).toEqual(expectedLines([{ ...row!, body }]));
    await archive.prune('live', DAY);
    expect(await archive.restore('live', DAY)).toMatchObject({ rows: 1, added: 1 });
    expect(await stored()).toEqual(expectedLines([{ ...row!, body }]));
  });

  it('reproduces signals from before expected_net_bps byte for byte, also in older tables', async () => {
    const older = simulatedDay(DAY, SMALL).map((row) => ({
      ...row,
      body: row.body.slice(0, row.body.lastIndexOf(',"expected_net_bps"')),
    }));
    journal(older);
    await copy.pass();
    expect(await stored()).toEqual(expectedLines(older));
    const [one] = await all(tables.pages({ market: 'live' }));
    expect(one!.body).toBeNull();
    const name =
      store.kind === 'sqlite' ? policy.signals_history_table.replace('.', '_') : policy.signals_history_table;
    await store.db.executeQuery(CompiledQuery.raw(`ALTER TABLE ${name} DROP COLUMN expected_net_bps`));
    tables = await openSignalTables(store, policy);
    expect(await stored()).toEqual(expectedLines(older));
  });

  it('has the last signal of each pair, never replaced by an older one', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    const last = rows.slice(-3);
    const live = async (): Promise<string[]> => (await tables.live('live')).map(signalLine).sort();
    expect(await live()).toEqual(expectedLines(last).sort());
    journal(simulatedDay(nextDay(DAY, -1), SMALL), 'late');
    await copy.pass();
    expect(await live()).toEqual(expectedLines(last).sort());
    // The clock was set back: boot and seq decide.
    const next = { ...last[0]!, seq: last[0]!.seq + 1, generatedAtMs: last[0]!.generatedAtMs - 3_600_000 };
    journal([next]);
    await copy.pass();
    expect(await live()).toEqual(expectedLines([next, ...last.slice(1)]).sort());
  });

  it('thins a period of one subject as the slow oracle: every entry and exit, each extreme, all counts of reasons', async () => {
    const rows = simulatedDay(DAY, SMALL);
    // Two signals in one millisecond, equal extremes, and a part without any value.
    const again = rows.slice(0, 9).map((row) => ({ ...row, bootId: `${row.bootId}2`, seq: row.seq + 1 }));
    const empty = rows
      .slice(60, 72)
      .map((row) => ({ ...row, body: row.body.replace(/"(z_score|confidence)":[^,]*/g, '"$1":null') }));
    journal([...rows.slice(0, 60), ...empty, ...rows.slice(72), ...again]);
    await copy.pass();
    const queries = vi.spyOn(store.db.getExecutor(), 'executeQuery');
    for (const pairId of SMALL.pairs.slice(0, 2))
      for (const points of [10, 43, 10_000])
        for (const period of [
          {},
          { fromMs: dayStartMs(DAY) + 300_000, toMs: dayStartMs(DAY) + 1_900_000 },
          { toMs: 1 },
        ]) {
          const whole = await all(tables.pages({ market: 'live', pairIds: [pairId], ...period }));
          const { rows: kept, ...rest } = await readThinned(
            store,
            tables,
            { market: 'live', pairId, ...period },
            points,
          );
          const { rows: expected, ...others } = thinnedOracle(whole, points);
          expect(rest).toEqual(others);
          expect(kept.map(signalLine)).toEqual(expected.map(signalLine));
        }
    const grouping = queries.mock.calls
      .map(([query]) => query)
      .filter(({ sql: text }) => /^WITH bound|count\(\*\)|action <> /.test(text));
    queries.mockRestore();
    expect(grouping.length).toBeGreaterThan(0);
    for (const one of new Map(grouping.map((query) => [query.sql.replace(/\d+/g, ''), query])).values()) {
      const plan = await planOf(store, one);
      expect(plan).toMatch(/Index Only Scan using|USING COVERING INDEX/);
      expect(plan).not.toMatch(/Seq Scan|SCAN core_signals_history|USING (PRIMARY|INDEX)/);
    }
  });

  it('continues if a journal has deleted old minutes, was deleted, or was restored from a copy', async () => {
    const rows = simulatedDay(DAY, SMALL);
    const path = paths.journal('live', 'main');
    journal(rows.slice(0, 60));
    await copy.pass();
    const { openJournal } = await import('../../../shared/store/journal.ts');
    const opened = openJournal(path);
    opened.append([], rows.slice(60, 80));
    opened.forgetBefore(rows[60]!.time);
    opened.close();
    expect((await copy.pass()).added).toBe(20);
    rmSync(path);
    expect((await copy.pass()).added).toBe(0);
    journal(rows.slice(80, 100));
    expect((await copy.pass()).added).toBe(20);
    rmSync(path);
    journal(rows);
    expect((await copy.pass()).added).toBe(20);
    expect(await stored()).toEqual(expectedLines(rows));
  });

  it('copies all shards and both markets, and a damaged journal does not affect the others', async () => {
    const rows = simulatedDay(DAY, SMALL);
    const first = rows.filter(({ pairId }) => pairId === SMALL.pairs[0]);
    const others = rows.filter(({ pairId }) => pairId !== SMALL.pairs[0]);
    journal(first, 'b');
    journal(others, 'c');
    journal(rows, 'b', 'simulated');
    writeFileSync(paths.journal('live', 'a'), 'this is no database, however long one reads in it '.repeat(100));
    const { added, failures } = await copy.pass();
    expect(added).toBe(2 * rows.length);
    expect(failures.map(({ code }) => code)).toEqual(['JOURNAL_READ']);
    expect(await stored()).toEqual(expectedLines(rows));
    expect(await stored('simulated')).toEqual(expectedLines(rows, 'simulated'));
  });

  it('archives a day as lines with a manifest, byte-identical each time', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    const { written } = await archive.archive('live', DAY);
    expect(readdirSync(file('')).sort()).toEqual([`${DAY}.jsonl.gz`, `${DAY}.manifest.json`]);
    expect(archivedLines(`${DAY}.jsonl.gz`)).toEqual(expectedLines(rows));
    expect(JSON.parse(readFileSync(file(`${DAY}.manifest.json`), 'utf8'))).toEqual(written);
    expect(written).toMatchObject({ rows: rows.length, first_ms: Math.min(...rows.map((row) => row.generatedAtMs)) });
    const bytes = readFileSync(file(`${DAY}.jsonl.gz`));
    rmSync(join(paths.home, 'archive'), { recursive: true });
    await store.db.deleteFrom('core.signal_archives').execute();
    await archive.archive('live', DAY);
    expect(readFileSync(file(`${DAY}.jsonl.gz`)).equals(bytes)).toBe(true);
    expect((await archive.archive('live', DAY)).written).toBeNull();
  });

  it('archives only complete days, later rows as another part, and no row twice', async () => {
    const rows = simulatedDay(DAY, SMALL);
    const late = rows.filter((_, index) => index % 7 === 3);
    const early = rows.filter((_, index) => index % 7 !== 3);
    journal(early);
    await copy.pass();
    const round = () => archiveRound({ archive, market: 'live', historyDays: 2, clock });
    nowMs = dayStartMs(nextDay(DAY)) + 60_000;
    expect((await round()).archived).toEqual([]);
    nowMs = dayStartMs(nextDay(DAY)) + 10 * 60_000;
    expect((await round()).archived.map(({ written }) => written!.rows)).toEqual([early.length]);
    expect((await round()).archived).toEqual([]);
    journal(late, 'late');
    await copy.pass();
    expect((await round()).archived.map(({ written }) => [written!.part, written!.rows])).toEqual([[2, late.length]]);
    expect(archivedLines(`${DAY}_2.jsonl.gz`)).toEqual(expectedLines(late));
    // Old rows are pruned; if a journal brings them back, they are recognized.
    nowMs += 3 * 86_400_000;
    expect((await round()).pruned).toEqual([{ day: DAY, rows: rows.length }]);
    expect(await stored()).toEqual([]);
    journal(rows, 'copy');
    await copy.pass();
    expect(await stored()).toEqual(expectedLines(rows));
    const again = await round();
    expect(again.archived.map(({ written }) => written)).toEqual([null]);
    expect(again.pruned).toEqual([{ day: DAY, rows: rows.length }]);
    expect(archivedLines(`${DAY}.jsonl.gz`, `${DAY}_2.jsonl.gz`).sort()).toEqual(expectedLines(rows).sort());
  });

  it('deletes only rows found in the archive when it is read at deletion', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    await archive.archive('live', DAY);
    const data = file(`${DAY}.jsonl.gz`);
    const bytes = readFileSync(data);
    const prune = (): Promise<unknown> => archive.prune('live', DAY).catch((error: MinutehandError) => error.code);
    const verify = async (): Promise<string> => (await archive.verify('live', DAY)).state;
    const flipped = Buffer.from(bytes);
    flipped[bytes.length >> 1]! ^= 1;
    writeFileSync(data, flipped);
    expect([await verify(), await prune()]).toEqual(['damaged', 'ARCHIVE_DAMAGED']);
    writeFileSync(data, bytes.subarray(0, -20));
    expect([await verify(), await prune()]).toEqual(['damaged', 'ARCHIVE_DAMAGED']);
    rmSync(data);
    expect([await verify(), await prune()]).toEqual(['damaged', 'ARCHIVE_DAMAGED']);
    rmSync(join(paths.home, 'archive'), { recursive: true });
    expect([await verify(), await prune()]).toEqual(['missing', 'ARCHIVE_MISSING']);
    mkdirSync(file(''), { recursive: true });
    // Another valid archive of the same day.
    await store.db.deleteFrom('core.signal_archives').execute();
    await archive.archive('live', DAY);
    const half = rows.slice(0, 50);
    journal([{ ...half[0]!, seq: 9999 }], 'late');
    await copy.pass();
    expect([await verify(), await prune()]).toEqual(['open', null]);
    expect(await stored()).toHaveLength(rows.length + 1);
    await archive.archive('live', DAY);
    expect([await verify(), await prune()]).toEqual(['ok', rows.length + 1]);
  });

  it('archives rows that arrive while the day is written in the next round, as a part of their own', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    journal([{ ...rows[0]!, seq: 9999 }], 'late');
    const place = await openArchivePlace(policy, paths, {});
    const added: number[] = [];
    const slow = createArchive(
      store,
      tables,
      {
        ...place,
        async write(name, bytes) {
          const before = (await stored()).length;
          await copy.pass();
          added.push((await stored()).length - before);
          await place.write(name, bytes);
        },
      },
      clock,
    );
    expect((await slow.archive('live', DAY)).written).toMatchObject({ rows: rows.length });
    expect(added[0]).toBe(1);
    expect(await archive.due('live', DAY)).toEqual([DAY]);
    expect(await archive.prunable('live', nextDay(DAY), 0)).toEqual([]);
    expect((await archive.verify('live', DAY)).state).toBe('open');
    expect(await archive.prune('live', DAY)).toBeNull();
    expect((await archive.archive('live', DAY)).written).toMatchObject({ part: 2, rows: 1 });
    expect(await archive.due('live', DAY)).toEqual([]);
    expect(await archive.prunable('live', nextDay(DAY), 0)).toEqual([DAY]);
    expect(archivedLines(`${DAY}.jsonl.gz`, `${DAY}_2.jsonl.gz`)).toHaveLength(rows.length + 1);
    expect(await archive.prune('live', DAY)).toBe(rows.length + 1);
  });

  it('deletes nothing of a day to which rows are added after it was compared with the archive', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    await archive.archive('live', DAY);
    journal([{ ...rows[0]!, seq: 9999 }], 'late');
    let isCompared = false;
    const late: typeof store = {
      ...store,
      async transaction(work) {
        // The comparison is over when the transaction that deletes begins.
        isCompared = true;
        await copy.pass();
        return store.transaction(work);
      },
    };
    expect(
      await createArchive(late, tables, await openArchivePlace(policy, paths, {}), clock).prune('live', DAY),
    ).toBeNull();
    expect([isCompared, (await stored()).length]).toEqual([true, rows.length + 1]);
  });

  it('keeps rows that arrive while the day is restored, and archives them', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    await archive.archive('live', DAY);
    expect(await archive.prune('live', DAY)).toBe(rows.length);
    journal([{ ...rows[0]!, seq: 9999 }], 'late');
    const place = await openArchivePlace(policy, paths, {});
    const slow = createArchive(
      store,
      tables,
      {
        ...place,
        async read(name) {
          const bytes = await place.read(name);
          if (name.endsWith('.gz')) await copy.pass();
          return bytes;
        },
      },
      clock,
    );
    expect(await slow.restore('live', DAY)).toMatchObject({ rows: rows.length, added: rows.length });
    expect(await stored()).toHaveLength(rows.length + 1);
    expect(await archive.due('live', DAY)).toEqual([DAY]);
    expect((await archive.archive('live', DAY)).written).toMatchObject({ part: 2, rows: 1 });
  });

  it('does not delete rows that arrive while the day is compared', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    await archive.archive('live', DAY);
    journal([{ ...rows[0]!, seq: 9999 }], 'late');
    const place = await openArchivePlace(policy, paths, {});
    const slow = createArchive(
      store,
      tables,
      {
        ...place,
        async read(name) {
          const bytes = await place.read(name);
          if (name.endsWith('.gz')) await copy.pass();
          return bytes;
        },
      },
      clock,
    );
    expect(await slow.prune('live', DAY)).toBeNull();
    expect(await stored()).toHaveLength(rows.length + 1);
  });

  it('is restored from the archive alone into an empty store, idempotently, and stays for the retention time of new rows', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journal(rows);
    await copy.pass();
    await archive.archive('live', DAY);
    const lines = await stored();
    for (const table of ['core.signal_archives', 'core.signal_days', 'core.signal_copies'] as const)
      await store.db.deleteFrom(table).execute();
    await tables.remove(store.db, 'live', 0, 1e15);
    nowMs += 400 * 86_400_000;
    expect(await archive.restore('live', DAY)).toEqual({ day: DAY, rows: rows.length, added: rows.length });
    expect(await archive.restore('live', DAY)).toEqual({ day: DAY, rows: rows.length, added: 0 });
    expect(await stored()).toEqual(lines);
    const round = () => archiveRound({ archive, market: 'live', historyDays: 2, clock });
    expect(await round()).toEqual({ archived: [], pruned: [], failures: [] });
    nowMs += 3 * 86_400_000;
    expect((await round()).pruned).toEqual([{ day: DAY, rows: rows.length }]);
    expect(await archive.restore('live', nextDay(DAY))).toBeNull();
    rmSync(join(paths.home, 'archive'), { recursive: true });
    await expect(archive.restore('live', DAY)).rejects.toMatchObject({ code: 'ARCHIVE_MISSING' });
  });

  it('archives the remaining rows into another location when archive_path changes', async () => {
    journal(simulatedDay(DAY, SMALL));
    await copy.pass();
    await archive.archive('live', DAY);
    const moved = { ...policy, archive_path: 'elsewhere' };
    const other = createArchive(store, tables, await openArchivePlace(moved, paths, {}), clock);
    nowMs += 10 * 86_400_000;
    const round = () => archiveRound({ archive: other, market: 'live', historyDays: 2, clock });
    expect((await round()).archived.map(({ written }) => written?.part)).toEqual([1]);
    expect((await round()).pruned).toHaveLength(1);
    expect(existsSync(join(paths.home, 'elsewhere', 'signals', 'live', '2026', `${DAY}.jsonl.gz`))).toBe(true);
  });

  it('is archived by one process at a time', async () => {
    await archiveAlone(store, paths, async () => {
      const elsewhere = homePaths({ MINUTEHAND_HOME: join(folder, 'other') });
      const there = store.kind === 'sqlite' ? paths : elsewhere;
      await expect(archiveAlone(store, there, () => Promise.resolve())).rejects.toMatchObject({
        code: 'ARCHIVE_RUNNING',
      });
    });
    await archiveAlone(store, paths, () => Promise.resolve());
  });
});

describe('an archive on a network drive', () => {
  it('that is not mounted is an error and not a new folder', async () => {
    const root = join(folder, 'mnt', 'nas');
    const place = await openArchivePlace({ ...policy, archive_target: 'NAS', archive_path: root }, paths, {});
    await expect(place.write('a/b', Buffer.from('x'))).rejects.toMatchObject({ code: 'ARCHIVE_UNREACHABLE' });
    await expect(place.read('a/b')).rejects.toMatchObject({ code: 'ARCHIVE_UNREACHABLE' });
    mkdirSync(root, { recursive: true });
    await place.write('a/b', Buffer.from('x'));
    expect((await place.read('a/b'))!.toString()).toBe('x');
    expect(await place.read('a/c')).toBeNull();
  });

  it('that is full or not writable is reported as such', async () => {
    // /dev/full on Linux is always full.
    if (!existsSync('/dev/full')) return;
    const { openFolder } = await import('./folder.ts');
    const place = openFolder({ id: 'x', root: folder, isMade: true });
    const { symlinkSync } = await import('node:fs');
    symlinkSync('/dev/full', join(folder, 'full.tmp'));
    await expect(place.write('full', Buffer.from('x'))).rejects.toMatchObject({ code: 'ARCHIVE_FULL' });
    writeFileSync(join(folder, 'file'), '');
    await expect(place.write('file/below', Buffer.from('x'))).rejects.toBeInstanceOf(MinutehandError);
  });
});

describe('the trainer', () => {
  let told: string[];
  beforeEach(() => {
    told = [];
  });

  function start(overrides: SettingsOverrides = {}): { history: ReturnType<typeof startHistory>; printed: string[] } {
    const printed: string[] = [];
    const settings: Settings = tinySettings(overrides);
    const history = startHistory({
      settings,
      paths,
      log: pino({ level: 'silent' }),
      print: (line) => void printed.push(line),
      env: {},
      notifier: {
        raise: ({ key, details }) => Promise.resolve(void told.push(`${key} ${String(details!['code'])}`)),
        clear: (key) => Promise.resolve(void told.push(`${key} over`)),
      },
      clock,
      retryMs: 3_600_000,
    });
    return { history, printed };
  }

  it('archives the days that ended before it was started', async () => {
    const rows = simulatedDay(DAY, SMALL);
    journalSignals(paths.journal('live', 'main'), rows);
    const { history } = start();
    await history.pass();
    await history.stop();
    const path = join(paths.home, 'archive', 'signals', 'live', '2026', `${DAY}.jsonl.gz`);
    expect(gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n')).toEqual(expectedLines(rows));
  });

  it('alerts once when the archive is unavailable three times in a row, and reports when it is back', async () => {
    journalSignals(paths.journal('live', 'main'), simulatedDay(DAY, SMALL));
    const root = join(folder, 'nas');
    const { history, printed } = start({ signals: { archive_target: 'NAS', archive_path: root } });
    for (let round = 0; round < 4; round++) await history.archive();
    expect(told).toEqual(['archive_failed ARCHIVE_UNREACHABLE']);
    expect(printed.filter((line) => line.startsWith('Signals cannot be archived'))).toHaveLength(1);
    mkdirSync(root);
    await history.archive();
    expect(printed.at(-1)).toBe('Signals are archived again.');
    expect(told.at(-1)).toBe('archive_failed over');
    expect(existsSync(join(root, 'signals', 'live', '2026', `${DAY}.manifest.json`))).toBe(true);
    await history.stop();
  });

  it('deletes signals of a simulated market after twelve hours and archives none of them', async () => {
    const rows = simulatedDay(DAY, { ...SMALL, minutes: 1440, pairs: SMALL.pairs.slice(0, 1) });
    journalSignals(paths.journal('simulated', 'main'), rows);
    nowMs = dayStartMs(nextDay(DAY));
    const { history } = start();
    await history.archive();
    await history.stop();
    const store = await openStore(paths.trainer, clock);
    const tables = await openSignalTables(store, policy);
    expect(await tables.count({ market: 'simulated' })).toBe(720);
    await store.close();
    expect(existsSync(join(paths.home, 'archive'))).toBe(false);
  });
});
