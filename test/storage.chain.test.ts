import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { LONGEST_BELOW_HOME } from '../shared/windows_places.ts';
import { homePaths } from '../shared/home.ts';
import { storedFileOf, type StorageFolder } from '../shared/storage/files.ts';
import { JOURNAL_TABLES, STORE_TABLES } from '../shared/storage/tables.ts';
import { openJournal } from '../shared/store/journal.ts';
import { Database, MAX_WAL_BYTES } from '../shared/store/sqlite.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 600_000 });

/** Minutes of the market: two of its days. */
const MINUTES = 2880;

let place: Workplace;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 10 }, log: { level: 'debug' } } });
  mkdirSync(place.home);
  activate(place.models, (await tinyModels(place.models, { settings: place.settings })).version);
});
afterAll(() => place.remove());

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    })
    .sort();
}

/** Which of the folders a path belongs to, the narrowest first. */
function folderOf(path: string): readonly [StorageFolder, string] {
  const { home, models, log } = homePaths({ MINUTEHAND_HOME: place.home });
  for (const [folder, parent] of [
    ['models', models],
    ['log', log],
  ] as const)
    if (path.startsWith(`${parent}/`)) return [folder, relative(parent, path)];
  const own = relative(home, path);
  return [own.startsWith('signals/') || own.startsWith('ea/') ? 'exchange' : 'home', own];
}

async function startUp(): Promise<{ up: Running; daemon: number; trainer: number }> {
  const up = place.start(['up', '--json']);
  const ready = await eventually(
    () => `up: ${up.stderr()}`,
    () => up.stdout(),
    2,
  );
  const { daemons, trainer } = JSON.parse(ready) as { daemons: { port: number }[]; trainer: { port: number } };
  return { up, daemon: daemons[0]!.port, trainer: trainer.port };
}

function tablesOf(path: string): string[] {
  const db = new Database(path, { readonly: true });
  const names = db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .pluck()
    .all() as string[];
  db.close();
  return names;
}

describe('the list of stored files', () => {
  it('has every file of an installation that ran for days of its market, was killed and used by hand, within its bound', async () => {
    const first = await startUp();
    for (const [args, code] of [
      [['token', 'create', '--name', 'ann', '--role', 'operator'], 0],
      [['policy', 'propose', 'core.theta1_initial=0.41', '--reason', 'a test'], 0],
      [['alerts', 'silence', 'drift', '--for', '1h'], 0],
      [['audit', 'verify'], 0],
      [['models', 'shadow', '--none'], null],
      [['backtest'], null],
    ] as const) {
      const ended = await place.run([...args]);
      if (code !== null)
        expect([args.join(' '), ended.code, ended.stderr]).toEqual([args.join(' '), code, ended.stderr]);
    }
    first.up.killGroup('SIGKILL');
    await first.up.ended;
    const { up } = await startUp();
    const journal = join(place.home, 'simulated_main.db');
    await eventually(
      'two days of the market',
      () => {
        const db = new Database(journal, { readonly: true });
        const minutes = db
          .prepare("SELECT count(DISTINCT time) FROM inputs WHERE kind = 'bar'")
          .pluck()
          .get() as number;
        db.close();
        return minutes >= MINUTES;
      },
      5,
    );
    const found = filesIn(place.home).map((path) => ({
      path,
      bytes: lstatSync(path, { throwIfNoEntry: false })?.size,
    }));
    expect(found.length).toBeGreaterThan(30);
    const unknown: string[] = [];
    const tooLong: string[] = [];
    for (const { path, bytes } of found) {
      const [folder, own] = folderOf(path);
      const stored = storedFileOf(folder, own);
      // A replacement that is just being made.
      if (/\.\d+\.tmp$/.test(own) || bytes === undefined) continue;
      if (stored === null) unknown.push(`${folder}: ${own}`);
      else if (bytes > (stored.maxBytes ?? Infinity)) tooLong.push(`${own}: ${bytes}`);
    }
    expect(unknown).toEqual([]);
    expect(tooLong).toEqual([]);
    const longest = Math.max(...found.map(({ path }) => relative(place.home, path).length));
    expect(longest).toBeLessThanOrEqual(LONGEST_BELOW_HOME);
    // The evidence of the proposed change reads the journal; then the log shrinks while bars go on.
    for (const name of ['simulated_main.db-wal', 'trainer.db-wal'])
      await expect
        .poll(() => lstatSync(join(place.home, name)).size, { message: name, timeout: 240_000, interval: 1000 })
        .toBeLessThanOrEqual(MAX_WAL_BYTES);
    expect(tablesOf(join(place.home, 'trainer.db'))).toEqual(Object.keys(STORE_TABLES).sort());
    expect(tablesOf(journal)).toEqual(Object.keys(JOURNAL_TABLES).sort());
    up.killGroup('SIGTERM');
    await up.ended;
  });

  it('forgets minutes of the simulated market so that what is left is replayed to the byte', async () => {
    const path = join(place.home, 'simulated_main.db');
    const journal = openJournal(path);
    const times = [...journal.signals()].map(({ time }) => time);
    const first = times[Math.floor(times.length / 2)]!;
    const warmUp = 200 * 60;
    for (const signals of [first, first + 3600]) {
      journal.forgetMinutes({ signals: signals as OpenTime, inputs: (signals - warmUp) as OpenTime });
      const left = [...journal.signals()];
      expect(left.length).toBeGreaterThan(1000);
      expect(left.length).toBeLessThan(times.length * 0.6);
      expect([...journal.inputsFrom(0 as OpenTime)].filter(({ kind }) => kind === 'swap').length).toBeGreaterThan(0);
      const bars = [...journal.inputsFrom(0 as OpenTime)].filter(({ kind }) => kind === 'bar');
      expect(Math.min(...bars.map(({ time }) => time))).toBeGreaterThanOrEqual(signals - warmUp);
      const { code, stdout } = await place.run(['replay', '--journal', path]);
      expect([code, stdout]).toEqual([0, expect.stringContaining('equal to the journal to the byte')]);
    }
    journal.close();
  });
});
