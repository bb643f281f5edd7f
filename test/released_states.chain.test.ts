import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { homePaths, type HomePaths } from '../shared/home.ts';
import { listVersions } from '../shared/bundle/bundle.ts';
import { Database } from '../shared/store/sqlite.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { oldVersions, unpackHome } from './golden/home/old_homes.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

/** Minutes that this program adds to a journal. */
const MINUTES = 60;

let place: Workplace;
let paths: HomePaths;
afterEach(() => place.remove());

/** Rows of a database in use, as texts. */
function rowsOf(path: string, table: string): string[] {
  const db = new Database(path, { readonly: true });
  try {
    return db
      .prepare(`SELECT * FROM ${table}`)
      .all()
      .map((row) => JSON.stringify(row));
  } finally {
    db.close();
  }
}

/** What the daemon has written, by table. The home has no store: that of an unreleased version is refused. */
const written = (): Record<string, string[]> => ({
  signals: rowsOf(paths.journal('simulated', 'main'), 'signals'),
  inputs: rowsOf(paths.journal('simulated', 'main'), 'inputs'),
});

interface StoredSignal {
  readonly signal_row: number;
  readonly pair_id: string;
  readonly time: number;
  readonly body: string;
}

const signalsOf = (): StoredSignal[] =>
  rowsOf(paths.journal('simulated', 'main'), 'signals').map((row) => JSON.parse(row) as StoredSignal);

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(args);
  expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

describe('a home and a configuration that an earlier version has left', () => {
  it.each(oldVersions())('%s: this version goes on with them, and nothing is lost', async (version) => {
    place = createWorkplace();
    paths = homePaths({ MINUTEHAND_HOME: place.home });
    const kept = unpackHome(version, join(place.folder, 'kept'));
    for (const [from, to] of [
      [kept.config, place.config],
      [kept.paths.home, place.home],
    ] as const) {
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true });
    }
    const before = written();
    const old = signalsOf();
    for (const rows of Object.values(before)) expect(rows.length).toBeGreaterThan(0);

    await succeed('upgrade', '--check');
    const [models] = listVersions(paths.models);
    await succeed('models', 'promote', models!, '--despite-gates', '--reason', 'they were in use before the upgrade');
    const up = place.start(['up', '--no-paper']);
    const isNew = ({ signal_row }: StoredSignal): boolean => signal_row > old.length;
    const okMinutes = (): number =>
      new Set(
        signalsOf()
          .filter((row) => isNew(row) && row.body.includes('"mode":"OK"'))
          .map(({ time }) => time),
      ).size;
    await eventually(
      () => `${MINUTES} minutes\n${up.stdout()}${up.stderr()}`,
      () => okMinutes() >= MINUTES,
      3,
    );
    up.kill('SIGTERM');
    expect(await up.ended).toBe(0);

    const after = written();
    for (const [table, rows] of Object.entries(before)) {
      const now = new Set(after[table]);
      expect([table, rows.filter((row) => !now.has(row))]).toEqual([table, []]);
    }
    const last = Math.max(...old.map(({ time }) => time));
    expect(
      Math.min(
        ...signalsOf()
          .filter(isNew)
          .map(({ time }) => time),
      ),
    ).toBeGreaterThan(last - 1);
    await succeed('audit', 'verify');
  });
});
