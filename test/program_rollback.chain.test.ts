import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { homePaths, type HomePaths } from '../shared/home.ts';
import { packageManifest } from '../shared/root.ts';
import { Database } from '../shared/store/sqlite.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Finished, type Running, type Workplace } from './cli_process.ts';
import { makeLaterVersion } from './later_version.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const MINUTE_S = 60;
const THIS = packageManifest().version;

interface SignalRow {
  readonly pair_id: string;
  readonly boot_id: string;
  readonly seq: number;
  readonly time: number;
  readonly body: string;
}

/** The home that both versions use, with this version as its program. */
let place: Workplace;
let paths: HomePaths;
/** The later version. Its own home is not used. */
let later: Workplace;
beforeEach(async () => {
  place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 100 }, log: { level: 'info' } } });
  paths = homePaths({ MINUTEHAND_HOME: place.home });
  mkdirSync(place.home);
  activate(place.models, (await tinyModels(place.models, { settings: place.settings })).version);
});
afterEach(async () => {
  await later.remove();
  await place.remove();
});

function takeLater(isAdditive: boolean): void {
  later = createWorkplace({}, makeLaterVersion(join(place.folder, 'later'), isAdditive).program);
}

const ofHome = (): NodeJS.ProcessEnv => ({ MINUTEHAND_HOME: place.home, MINUTEHAND_CONFIG: place.config });

/** Starts `up` of a version, and waits until its daemon answers bars. */
async function startUp(version: Workplace, args: readonly string[] = []): Promise<Running> {
  const boots = bootsOf(journaled()).length;
  const up = version.start(['up', '--json', '--no-paper', ...args], ofHome());
  let ended: number | string | null = null;
  void up.ended.then((code) => (ended = code));
  const isNew = (): boolean => bootsOf(journaled()).length > boots;
  await eventually(
    () => `signals of this boot (${ended}): ${up.stderr()}`,
    () => (ended === null ? up.stdout() !== '' && isNew() : 'ended'),
  );
  expect(ended, up.stderr()).toBe(null);
  return up;
}

function rows<Row>(path: string, table: string): Row[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare(`SELECT * FROM ${table}`).all() as Row[];
  } finally {
    db.close();
  }
}

/** The same; none before the daemon, or the trainer, has made the table. */
function signalsIn(path: string, table: string): SignalRow[] {
  try {
    return rows(path, table);
  } catch (error) {
    if (/no such table|unable to open|does not exist/.test((error as Error).message)) return [];
    throw error;
  }
}

const journaled = (): SignalRow[] => signalsIn(paths.journal('simulated', 'main'), 'signals ORDER BY signal_row');

const bootsOf = (some: readonly SignalRow[]): string[] => [...new Set(some.map(({ boot_id }) => boot_id))];
const keyOf = ({ boot_id, pair_id, seq }: Pick<SignalRow, 'boot_id' | 'pair_id' | 'seq'>): string =>
  `${boot_id} ${pair_id} ${Number(seq)}`;

/** Each pair has a signal of every minute, and no consumer was told to halt. */
function expectEveryMinute(): void {
  const all = journaled();
  expect(all.filter(({ body }) => body.includes('"reason":"SHUTDOWN"'))).toEqual([]);
  for (const pair of place.settings.minutehand.pairs) {
    const times = all.filter(({ pair_id }) => pair_id === pair).map(({ time }) => time);
    expect(times).toEqual(times.map((_, index) => times[0]! + index * MINUTE_S));
  }
}

/** Every signal of the journal so far reaches this store. */
async function expectAllStored(store: string): Promise<void> {
  const keys = journaled().map(keyOf);
  let missing = keys;
  await eventually(
    () => `${missing.length} of ${keys.length} signals in the store`,
    () => {
      const stored = new Set(signalsIn(store, 'core_signals_history').map(keyOf));
      missing = keys.filter((key) => !stored.has(key));
      return missing.length === 0;
    },
  );
}

const tables = (store: string): number =>
  Math.max(...rows<{ version: number }>(store, 'core_migrations').map(({ version }) => version));

const check = (version: Workplace): Promise<Finished> => version.run(['upgrade', '--check'], { env: ofHome() });

async function succeed(version: Workplace, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await version.run(args, { env: ofHome() });
  expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
}

async function end(up: Running): Promise<void> {
  up.kill('SIGTERM');
  expect(await up.ended, up.stderr()).toBe(0);
}

describe('a version that has taken over is taken back', () => {
  it('with its store, where the changes of its tables are additive: no minute and no signal is lost', async () => {
    takeLater(true);
    const first = await startUp(place);
    const known = tables(paths.trainer);
    const before = await check(later);
    expect([before.code, before.stdout]).toEqual([0, expect.stringContaining('can still use it then') as string]);
    const second = await startUp(later, ['--replace']);
    expect(await first.ended).toBe(0);
    await eventually('the tables of the later version', () => tables(paths.trainer) === known + 1);
    await expectAllStored(paths.trainer);

    const back = await check(place);
    expect([back.code, back.stdout]).toEqual([0, expect.stringContaining('what came later is additive') as string]);
    const third = await startUp(place, ['--replace']);
    expect(await second.ended).toBe(0);
    await expectAllStored(paths.trainer);
    const status = await place.run(['status', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ trainer: { health: { program_version: THIS } } });
    expectEveryMinute();
    await end(third);
    expect(bootsOf(journaled())).toHaveLength(3);
    expect(tables(paths.trainer)).toBe(known + 1);
  });

  it('with a backup of the store, where they are not: it is refused before that, and signals since are stored again', async () => {
    takeLater(false);
    const first = await startUp(place);
    await expectAllStored(paths.trainer);
    await succeed(place, ['alerts', 'silence', 'daemon_mute:*']);
    const backup = join(place.folder, 'backup');
    mkdirSync(backup);
    copyFileSync(join(place.home, 'audit_anchors.jsonl'), join(backup, 'audit_anchors.jsonl'));
    const db = new Database(paths.trainer, { readonly: true });
    await db.backup(join(backup, 'trainer.db'));
    db.close();
    const before = await check(later);
    expect([before.code, before.stdout]).toEqual([0, expect.stringContaining('back it up first') as string]);
    const second = await startUp(later, ['--replace']);
    expect(await first.ended).toBe(0);
    await expectAllStored(paths.trainer);
    await succeed(later, ['alerts', 'silence', 'daemon_fatal:*']);

    expect((await check(place)).code).toBe(1);
    const boots = bootsOf(journaled());
    const refused = await place.run(['up', '--replace'], { env: ofHome(), killAfterMs: 60_000 });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('STORE_VERSION') as string]);
    expect(bootsOf(journaled())).toEqual(boots);

    const standby = place.start(['daemon', '--standby'], ofHome());
    await eventually('a standby that waits', () => standby.stdout().includes('Standby: a daemon of shard main runs'));
    second.kill('SIGINT');
    await second.ended;
    for (const suffix of ['-wal', '-shm']) rmSync(`${paths.trainer}${suffix}`, { force: true });
    for (const name of readdirSync(backup)) copyFileSync(join(backup, name), join(place.home, name));
    await succeed(place, ['upgrade', '--check']);
    const trainer = place.start(['trainer'], ofHome());
    await eventually('signals of the standby', () => bootsOf(journaled()).length === 3);
    await expectAllStored(paths.trainer);
    await succeed(place, ['audit', 'verify']);
    expectEveryMinute();
    await end(trainer);
    await end(standby);
  });
});
