import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { tinyRule } from '../../../test/tiny_rule.ts';
import { homePaths } from '../../../shared/home.ts';
import { createLogin } from '../api/access/sessions.ts';
import { notify, resolve } from '../notify/outbox.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { activateDirection } from '../../../test/activate.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { removeLeftovers } from './leftovers.ts';
import { DIRECTION_SHELF } from '../../../shared/bundle/shelves/direction_shelf.ts';
import { removeOldBundles, removeOldRules } from './old_bundles.ts';
import { deleteOldRecords, deleteOldReports, MAX_REFUSED_FILLS } from './old_records.ts';

const NOW_MS = Date.UTC(2026, 10, 17, 12);
const DAY_MS = 86_400_000;
const BEFORE_MS = NOW_MS - 400 * DAY_MS;
let folder: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'records-test-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(mkdtempSync(join(folder, 'store-')), 'trainer.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('old records, on $kind', ({ kind, note, newUrl }) => {
  let store: Store | undefined;
  beforeEach(async ({ skip }) => {
    if (kind === 'postgres' && server === null) return skip(note);
    store = await openStore(await newUrl());
  });
  afterEach(() => store?.close());

  const keys = async (): Promise<string[]> =>
    (await store!.db.selectFrom('core.alerts').select('alert_key').orderBy('alert_key').execute()).map(
      ({ alert_key }) => alert_key,
    );
  const count = async (table: 'core.alert_messages' | 'core.refused_fills' | 'core.api_logins'): Promise<number> =>
    (await store!.db.selectFrom(table).selectAll().execute()).length;

  it('of alerts are deleted with their messages once they ended before the time, and not while they last', async () => {
    const raise = (key: string, nowMs: number, isOnce = false): Promise<unknown> =>
      notify(store!.db, { market: 'live', nowMs }, { key, event: 'kpi_halt', subject: key, text: '.', isOnce });
    await raise('a open since long', BEFORE_MS - DAY_MS);
    await raise('b ended long ago', BEFORE_MS - 2 * DAY_MS);
    await resolve(store!.db, { market: 'live', nowMs: BEFORE_MS - DAY_MS }, 'b ended long ago');
    await raise('c ended lately', BEFORE_MS - DAY_MS);
    await resolve(store!.db, { market: 'live', nowMs: BEFORE_MS + DAY_MS }, 'c ended lately');
    await raise('d once, long ago', BEFORE_MS - 1, true);
    await raise('e once, lately', BEFORE_MS, true);
    expect(await count('core.alert_messages')).toBe(7);
    expect(await deleteOldRecords(store!, BEFORE_MS)).toEqual({ 'core.alerts': 2, 'core.alert_messages': 3 });
    expect(await keys()).toEqual(['a open since long', 'c ended lately', 'e once, lately']);
    expect(await count('core.alert_messages')).toBe(4);
    expect(await deleteOldRecords(store!, BEFORE_MS)).toEqual({});
  });

  it('of refused fills are at most ten thousand, the newest, whatever their age', async () => {
    const rows = Array.from({ length: MAX_REFUSED_FILLS + 25 }, (_, index) => ({
      line_sha256: String(index).padStart(64, '0'),
      code: 'FILL_FORMAT',
      message: '',
      place: '',
      line: '',
      received_ms: NOW_MS + index,
    }));
    for (let at = 0; at < rows.length; at += 1000)
      await store!.db
        .insertInto('core.refused_fills')
        .values(rows.slice(at, at + 1000))
        .execute();
    expect(await deleteOldRecords(store!, BEFORE_MS)).toEqual({ 'core.refused_fills': 25 });
    const oldest = await store!.db
      .selectFrom('core.refused_fills')
      .select(({ fn }) => fn.min('received_ms').as('ms'))
      .executeTakeFirstOrThrow();
    expect(Number(oldest.ms)).toBe(NOW_MS + 25);
    expect(await deleteOldRecords(store!, NOW_MS + 30)).toEqual({ 'core.refused_fills': 5 });
  });

  it('of login links are deleted when they expired before the time', async () => {
    await createLogin(store!.db, { name: 'ann', role: 'viewer', nowMs: BEFORE_MS - DAY_MS });
    await createLogin(store!.db, { name: 'bob', role: 'viewer', nowMs: NOW_MS });
    expect(await deleteOldRecords(store!, BEFORE_MS)).toEqual({ 'core.api_logins': 1 });
    expect(await count('core.api_logins')).toBe(1);
  });
});

describe('what is left in folders', () => {
  const touch = (path: string, atMs: number): void => {
    writeFileSync(path, 'x');
    utimesSync(path, atMs / 1000, atMs / 1000);
  };

  it('of killed processes is removed: not of those that run, not what is new, and nothing else', () => {
    const paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(folder, 'home-')) });
    const system = mkdtempSync(join(folder, 'tmp-'));
    for (const one of [paths.models, paths.policy]) mkdirSync(one);
    const old = NOW_MS - DAY_MS;
    const gone = 2 ** 30;
    const removed = [
      join(paths.home, `archived_signals.json.${gone}.tmp`),
      join(paths.models, `active.json.${gone}.tmp`),
      join(paths.policy, `approved.json.${gone}.tmp`),
      join(system, 'minutehand-evidence-Ab12cD'),
      join(system, 'minutehand-learner-Ab12cD'),
      join(system, 'minutehand-change-Ab12cD'),
    ];
    const kept = [
      join(paths.home, `active_mark_trainer.json.${process.pid}.tmp`),
      join(paths.home, 'trainer.db'),
      join(paths.home, 'notes.tmp'),
      join(system, 'minutehand-verify-Ab12cE'),
      join(system, 'minutehand-of-someone'),
      join(system, 'other-Ab12cD'),
    ];
    for (const path of [...removed, ...kept]) touch(path, old);
    for (const folderOfOld of removed.slice(-3)) {
      rmSync(folderOfOld);
      mkdirSync(folderOfOld);
      touch(join(folderOfOld, 'manifest.json'), old);
      utimesSync(folderOfOld, (NOW_MS - 8 * DAY_MS) / 1000, (NOW_MS - 8 * DAY_MS) / 1000);
    }
    const fresh = join(paths.home, `home_id.${gone}.tmp`);
    touch(fresh, NOW_MS - 60_000);
    expect([...removeLeftovers(paths, NOW_MS, system)].sort()).toEqual([...removed].sort());
    for (const path of removed) expect(existsSync(path), path).toBe(false);
    for (const path of [...kept, fresh]) expect(existsSync(path), path).toBe(true);
  });

  it('of direction models are the newest bundles of each timeframe, with the active one and its predecessor', () => {
    const { home, models } = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(folder, 'home-')) });
    const at = (day: number): Date => new Date(NOW_MS + day * DAY_MS);
    const hourly = [1, 2, 3, 4, 5, 6].map((day) => writeTinyDirection(models, 'BTCUSDT', '1h', at(day)));
    const daily = [7, 8].map((day) => writeTinyDirection(models, 'BTCUSDT', '1d', at(day)));
    const names = (): string[] =>
      readdirSync(join(models, 'direction'))
        .filter((name) => !/\.lock$/.test(name))
        .sort();
    expect(removeOldBundles(DIRECTION_SHELF, models, 9)).toEqual([]);
    activateDirection(models, hourly[1]!, home);
    activateDirection(models, hourly[0]!, home);
    writeFileSync(join(models, 'direction', 'notes.txt'), 'a file of a person');
    // A removal that a kill interrupted, and one of a bundle that was activated since.
    mkdirSync(join(models, 'direction', '.20200101_0000.removed'));
    renameSync(join(models, 'direction', hourly[1]!), join(models, 'direction', `.${hourly[1]!}.removed`));
    expect(removeOldBundles(DIRECTION_SHELF, models, 3)).toEqual([hourly[4]!, hourly[3]!, hourly[2]!]);
    expect(names()).toEqual(['1h.json', 'notes.txt', ...[hourly[0]!, hourly[1]!, hourly[5]!, ...daily].sort()].sort());
    // Nothing goes while nobody knows which one is active.
    writeFileSync(join(models, 'direction', '1h.json'), '{');
    expect(removeOldBundles(DIRECTION_SHELF, models, 1)).toEqual([]);
    expect(names()).toEqual(expect.arrayContaining([hourly[5]!, ...daily]));
  });

  it('of rules are the newest of each instrument, with the one that is served', () => {
    const { models } = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(folder, 'home-')) });
    const written = (instrument: string, day: number): string =>
      basename(writeRuleBundle(ruleFolder(models), new Date(NOW_MS + day * DAY_MS), tinyRule(instrument)));
    const hourly = [1, 2, 3, 4].map((day) => written('BTCUSDT@1h', day));
    const daily = written('BTCUSDT@1d', 5);
    const pointer = join(models, 'rule', 'BTCUSDT@1h.json');
    writeFileSync(pointer, JSON.stringify({ version: hourly[0], previous: null }));
    expect(removeOldRules(models, 2)).toEqual([hourly[2], hourly[1]]);
    expect(readdirSync(join(models, 'rule')).sort()).toEqual(['BTCUSDT@1h.json', hourly[0], hourly[3], daily].sort());
    writeFileSync(pointer, '{');
    expect(removeOldRules(models, 1)).toEqual([]);
  });

  it('of rules has the one in shadow, also when it is the oldest', () => {
    const { models } = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(folder, 'home-')) });
    const written = (instrument: string, day: number): string =>
      basename(writeRuleBundle(ruleFolder(models), new Date(NOW_MS + day * DAY_MS), tinyRule(instrument)));
    const hourly = [1, 2, 3, 4].map((day) => written('BTCUSDT@1h', day));
    const pointer = join(models, 'rule', 'shadow_BTCUSDT@1h.json');
    writeFileSync(pointer, JSON.stringify({ version: hourly[0], previous: null }));
    expect(removeOldRules(models, 2)).toEqual([hourly[2], hourly[1]]);
    expect(existsSync(join(models, 'rule', hourly[0]!))).toBe(true);
    writeFileSync(pointer, '{');
    expect(removeOldRules(models, 1)).toEqual([]);
  });

  it('of weekly reports is deleted by its age', () => {
    const paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(folder, 'home-')) });
    expect(deleteOldReports(paths, BEFORE_MS)).toBe(0);
    const reports = join(paths.home, 'reports');
    mkdirSync(reports);
    const old = join(reports, 'report_live_2025-01-06_2025-01-13.html');
    const kept = [join(reports, 'report_live_2026-01-06_2026-01-13.html'), join(reports, 'own.html')];
    touch(old, BEFORE_MS - 1);
    touch(kept[0]!, BEFORE_MS + 1);
    touch(kept[1]!, BEFORE_MS - 1);
    expect(deleteOldReports(paths, BEFORE_MS)).toBe(1);
    expect(existsSync(old)).toBe(false);
    for (const path of kept) expect(existsSync(path), path).toBe(true);
  });
});
