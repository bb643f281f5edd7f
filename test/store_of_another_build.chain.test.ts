import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { openJournal } from '../shared/store/journal.ts';
import { sha256Hex } from '../shared/sha256.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openSignalTables } from '../trainer/control/history/signal_tables.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Finished, type Workplace } from './cli_process.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let server: PostgresServer | null = null;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server?.stop());

describe.each([
  { kind: 'the file of the home', note: '', newUrl: () => Promise.resolve('') },
  { kind: 'PostgreSQL', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('a store of another build, in $kind $note', ({ note, newUrl }) => {
  let place: Workplace;
  let version: string;
  let url: string;
  let data: string;
  beforeAll(async () => {
    if (note !== '') return;
    place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 100 } } });
    mkdirSync(place.home);
    version = (await tinyModels(place.models, { settings: place.settings })).version;
    activate(place.models, version);
    data = await place.writeBars('bars', tinyBars(place.settings));
    url = await newUrl();
    await live();
  });
  afterAll(() => place.remove());

  const env = (): NodeJS.ProcessEnv => ({ MINUTEHAND_DATABASE_URL: url });
  const run = (...args: string[]): Promise<Finished> => place.run(args, { env: env(), killAfterMs: 120_000 });

  async function withStore<Result>(work: (store: Store) => Promise<Result>): Promise<Result> {
    const store = await openStore(url === '' ? homePaths({ MINUTEHAND_HOME: place.home }).trainer : url);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  const journaled = (): number => {
    const journal = openJournal(join(place.home, 'simulated_main.db'), { readOnly: true });
    try {
      return [...journal.signals()].length;
    } finally {
      journal.close();
    }
  };

  /** Daemon and trainer run until the store has the active models, and as many signals. */
  async function live(signals = 1): Promise<void> {
    const up = place.start(['up', '--json', '--no-paper'], env());
    const { market } = place.settings.minutehand;
    await eventually(
      () => `active models and ${signals} signals in the store: ${up.stderr()}`,
      () =>
        up.stdout() !== '' &&
        withStore(async (store) => {
          const tables = await openSignalTables(store, place.settings.signals);
          const models = await store.db.selectFrom('core.model_registry').select(['version', 'status']).execute();
          const isActive = models.some((row) => row.version === version && row.status === 'active');
          return isActive && (await tables.count({ market })) >= signals;
        }),
    );
    up.kill('SIGTERM');
    expect(await up.ended, up.stderr()).toBe(0);
  }

  const stored = (): string[] =>
    readdirSync(place.home)
      .filter((name) => name.startsWith('trainer.db') || name === 'audit_anchors.jsonl')
      .map((name) => `${name} ${sha256Hex(readFileSync(join(place.home, name)))}`);

  it('is refused by everything that opens it, which changes nothing', async ({ skip }) => {
    if (note !== '') return skip(note);
    expect((await run('bars', 'import', data)).code).toBe(0);
    await withStore((store) => store.db.updateTable('core.migrations').set({ fingerprint: 'of another' }).execute());
    const before = stored();
    const pointer = readFileSync(join(place.models, 'active.json'), 'utf8');
    for (const args of [
      ['trainer'],
      ['up'],
      ['up', '--replace'],
      ['bars', 'check'],
      ['bars', 'import', data],
      ['jobs', 'list'],
      ['train', '--data', data],
      ['models', 'promote', version, '--despite-gates', '--reason', 'a test'],
      ['models', 'recover', version],
      ['audit', 'verify'],
      ['report'],
    ]) {
      const { code, stderr } = await run(...args);
      expect([args, code, stderr]).toEqual([args, 1, expect.stringContaining('STORE_VERSION: ') as string]);
    }
    for (const args of [['doctor'], ['upgrade', '--check']]) {
      const { code, stdout } = await run(...args, '--json');
      const { findings } = JSON.parse(stdout) as { findings: { what: string; verdict: string; detail: string }[] };
      const detail = expect.stringContaining('never released') as string;
      expect([code, findings.find(({ what }) => what === 'store')]).toEqual([
        1,
        { what: 'store', verdict: 'error', detail },
      ]);
    }
    expect(stored()).toEqual(before);
    expect(readFileSync(join(place.models, 'active.json'), 'utf8')).toBe(pointer);
  });

  it('is moved aside as the error says: what runs then has models, signals and bars again', async ({ skip }) => {
    if (note !== '') return skip(note);
    const { stderr } = await run('trainer');
    expect(stderr).toMatch(url === '' ? /move trainer\.db, its -wal and -shm, and audit_anchors/ : /an empty database/);
    const aside = join(place.folder, 'aside');
    mkdirSync(aside);
    for (const name of stored().map((line) => line.split(' ')[0]!))
      renameSync(join(place.home, name), join(aside, name));
    url = await newUrl();
    await live(journaled());
    expect((await run('bars', 'import', data)).code).toBe(0);
    const symbols = await withStore((store) => store.bars.symbols('live'));
    expect(symbols.map(({ symbol }) => symbol)).toEqual(expect.arrayContaining(['XAUUSD', 'XAGUSD']));
    expect((await run('audit', 'verify')).code).toBe(0);
  });
});
