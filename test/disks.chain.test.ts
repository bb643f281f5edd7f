import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { reservePath } from '../shared/disk_reserve.ts';
import { folderInUse } from '../shared/dependencies/files.ts';
import { Database } from '../shared/store/sqlite.ts';
import { openStore } from '../trainer/store/store.ts';
import { activate } from './activate.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { downOf, faultsOf, startUp, statusOf, webhook, type Webhook } from './installation_health.ts';
import { fillDisk, mayMount, MOUNT_NOTE, mountSmallDisk, type SmallDisk } from './mounts.ts';
import { skipNote } from './skip_note.ts';
import { tinyModels, type SettingsOverrides } from './tiny_models.ts';

vi.setConfig({ testTimeout: 900_000 });

const OVERRIDES: SettingsOverrides = {
  retrain: { monitor_minutes: 10_080, notification_disk_min_mb: 1, notification_rate_per_minute: 600 },
  minutehand: { log: { level: 'info' } },
};
/** A loaded machine takes several times as long as an idle one. */
const PATIENTLY = { timeout: 180_000, interval: 500 };
const NO_MOUNTS = !mayMount();

let place: Workplace;
let disks: SmallDisk[];
let hook: Webhook;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  disks = [];
  place = createWorkplace(OVERRIDES);
  hook = await webhook();
  env = { MINUTEHAND_WEBHOOK_URL: hook.url };
});
afterEach(async () => {
  hook.close();
  for (const disk of disks) disk.remove();
  await place.remove();
});

function diskAt(path: string, sizeMb: number): SmallDisk {
  const disk = mountSmallDisk(path, sizeMb);
  disks.push(disk);
  return disk;
}

async function installModels(): Promise<void> {
  mkdirSync(place.models, { recursive: true });
  activate(place.models, (await tinyModels(place.models, { settings: place.settings })).version);
}

/** `shard or trainer, dependency` of the notifications. */
const notified = (action: string): string[] => [
  ...new Set(
    hook.sent
      .filter((one) => one.action === action && one.event === 'dependency')
      .map(({ key }) => key.replace(/^dependency:(\w+)@[^:]*:/, '$1 ')),
  ),
];

const signalsFolder = (): string => join(env['MINUTEHAND_EXCHANGE'] ?? place.home, 'signals');
function lastSignal(): { seq: number; reason: string; generated_at_ms: number; boot_id: string } {
  const [pair] = place.settings.minutehand.pairs;
  return JSON.parse(readFileSync(join(signalsFolder(), pair!, 'signal.json'), 'utf8')) as ReturnType<typeof lastSignal>;
}

async function stopsOf(port: number): Promise<readonly unknown[]> {
  return ((await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as { stops: readonly unknown[] }).stops;
}

async function auditedActions(): Promise<readonly string[]> {
  const store = await openStore(join(place.home, 'trainer.db'));
  try {
    const rows = await store.db.selectFrom('audit.api_writes').select('action').orderBy('entry_id').execute();
    return rows.map(({ action }) => action);
  } finally {
    await store.close();
  }
}

async function lastBarOf(port: number): Promise<string> {
  const health = (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as { last_bars: object };
  return JSON.stringify(health.last_bars);
}

/** Every answered minute of the journal follows the one before; times in epoch s. */
function gapsIn(journal: string): number[] {
  const db = new Database(journal, { readonly: true });
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const times = db.prepare('SELECT DISTINCT time FROM signals ORDER BY time').pluck().all() as number[];
    return times.filter((time, index) => index > 0 && time !== times[index - 1]! + 60);
  } finally {
    db.close();
  }
}

describe(`a folder on a small disk${skipNote(NO_MOUNTS, MOUNT_NOTE)}`, () => {
  it.skipIf(NO_MOUNTS)(
    'is well with the size that is recommended for signal files, until it is nearly full',
    async () => {
      const disk = diskAt(join(place.folder, 'signals'), 16);
      const check = folderInUse(disk.path);
      await check();
      const filler = fillDisk(disk.path);
      await expect(check()).rejects.toMatchObject({ code: 'DISK_FULL' });
      truncateSync(filler, 13 << 20);
      await check();
    },
  );
});

describe(`a running installation${skipNote(NO_MOUNTS, MOUNT_NOTE)}`, () => {
  it.skipIf(NO_MOUNTS)(
    'whose disk becomes full says so, goes on, and writes what waited once there is room',
    async () => {
      diskAt(place.home, 160);
      await installModels();
      const { up, daemon, trainer } = await startUp(place, env);
      await expect.poll(async () => (await faultsOf(daemon)).codes, PATIENTLY).toEqual({});
      await expect.poll(() => existsSync(join(signalsFolder(), 'signals.json')), PATIENTLY).toBe(true);
      for (const folder of [place.home, place.models])
        await expect.poll(() => existsSync(reservePath(folder)), PATIENTLY).toBe(true);
      const filler = fillDisk(place.home);
      const full = { home_folder: 'DISK_FULL', log_folder: 'DISK_FULL', exchange_folder: 'DISK_FULL' };
      await expect.poll(async () => (await faultsOf(daemon)).codes, PATIENTLY).toEqual(full);
      await expect
        .poll(async () => (await faultsOf(trainer)).codes, PATIENTLY)
        .toMatchObject({ home_folder: 'DISK_FULL', log_folder: 'DISK_FULL', models_folder: 'DISK_FULL' });
      expect(await downOf(daemon)).toEqual(Object.keys(full).sort());
      // The store, where notifications are kept until they are sent, is on the same disk.
      await expect.poll(() => notified('trigger'), PATIENTLY).toEqual(expect.arrayContaining(['main home_folder']));
      const { code, answer } = await statusOf(place, env);
      expect(code).toBe(1);
      expect(answer.findings.map(({ text }) => text).join('\n')).toContain('DISK_FULL');
      const before = await lastBarOf(daemon);
      await expect.poll(() => lastBarOf(daemon), PATIENTLY).not.toBe(before);
      // A person stops entries when something is wrong: that works now of all times, and the audit has it.
      const halt = await place.run(['halt', '--reason', 'the disk is full'], { env });
      expect(halt).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('The audit has this entry later') as string,
        stdout: expect.stringContaining('Stopped: all subjects') as string,
      });
      await expect.poll(async () => (await stopsOf(daemon)).length, PATIENTLY).toBe(1);
      rmSync(filler);
      for (const port of [daemon, trainer])
        await expect.poll(async () => (await faultsOf(port)).codes, PATIENTLY).toEqual({});
      const { seq } = lastSignal();
      await expect.poll(() => lastSignal().seq, PATIENTLY).toBeGreaterThan(seq);
      await expect.poll(() => lastSignal().reason, PATIENTLY).toBe('STOPPED');
      expect(await place.run(['resume'], { env })).toMatchObject({ code: 0 });
      await expect.poll(() => lastSignal().reason, PATIENTLY).not.toBe('STOPPED');
      await expect.poll(() => existsSync(reservePath(place.models)), PATIENTLY).toBe(true);
      await expect.poll(() => notified('resolve'), PATIENTLY).toEqual(expect.arrayContaining(['main home_folder']));
      await expect.poll(async () => (await statusOf(place, env)).code, { timeout: 60_000, interval: 2000 }).toBe(0);
      up.killGroup('SIGTERM');
      expect(await up.ended).toBe(0);
      expect(up.stderr()).not.toContain('restart');
      expect(await auditedActions()).toEqual(['halt', 'resume']);
      expect(gapsIn(join(place.home, 'simulated_main.db'))).toEqual([]);
    },
  );

  it.skipIf(NO_MOUNTS)(
    'whose exchange folder, models or logs are on a disk that is full, read-only or gone says which, and needs no restart',
    async () => {
      env = { ...env, MINUTEHAND_EXCHANGE: join(place.folder, 'exchange'), MINUTEHAND_LOG: join(place.folder, 'log') };
      const exchange = diskAt(env['MINUTEHAND_EXCHANGE']!, 64);
      const models = diskAt(place.models, 64);
      const log = diskAt(env['MINUTEHAND_LOG']!, 64);
      await installModels();
      const { up, daemon, trainer } = await startUp(place, env, ['--no-paper']);
      const codesOf = async (port: number): Promise<Record<string, string>> => (await faultsOf(port)).codes;
      await expect.poll(() => existsSync(join(signalsFolder(), 'signals.json')), PATIENTLY).toBe(true);
      expect([await codesOf(daemon), await codesOf(trainer)]).toEqual([{}, {}]);
      const fillers = [exchange, models, log].map(({ path }) => fillDisk(path));
      await expect
        .poll(() => codesOf(daemon), PATIENTLY)
        .toEqual({ exchange_folder: 'DISK_FULL', log_folder: 'DISK_FULL' });
      await expect
        .poll(() => codesOf(trainer), PATIENTLY)
        .toMatchObject({ models_folder: 'DISK_FULL', log_folder: 'DISK_FULL' });
      expect((await statusOf(place, env)).code).toBe(1);
      for (const filler of fillers) rmSync(filler);
      for (const port of [daemon, trainer]) await expect.poll(() => codesOf(port), PATIENTLY).toEqual({});

      exchange.remount('ro');
      await expect.poll(() => codesOf(daemon), PATIENTLY).toEqual({ exchange_folder: 'FOLDER_UNUSABLE' });
      await expect
        .poll(() => notified('trigger'), PATIENTLY)
        .toEqual(expect.arrayContaining(['main exchange_folder', 'trainer models_folder']));
      exchange.remount('rw');
      await expect.poll(() => codesOf(daemon), PATIENTLY).toEqual({});

      exchange.detach();
      await expect.poll(() => codesOf(daemon), PATIENTLY).toEqual({ exchange_folder: 'FOLDER_UNUSABLE' });
      const { code, answer } = await statusOf(place, env);
      expect(code).toBe(1);
      expect(answer.findings.find(({ text }) => text.includes('another file system'))).toMatchObject({
        weight: 'problem',
      });
      // Once its claim has ended, nothing is written below the mount that is gone.
      await new Promise((resolve) => setTimeout(resolve, 31_000));
      rmSync(signalsFolder(), { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(existsSync(signalsFolder())).toBe(false);
      exchange.attach();
      const { seq } = lastSignal();
      await expect.poll(() => codesOf(daemon), PATIENTLY).toEqual({});
      await expect.poll(() => lastSignal().seq, PATIENTLY).toBeGreaterThan(seq);
      up.killGroup('SIGTERM');
      expect(await up.ended).toBe(0);
      expect(readdirSync(signalsFolder()).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    },
  );

  it('whose home is moved away says so, and goes on in it when it is back', async () => {
    mkdirSync(place.home);
    await installModels();
    const { up, daemon, trainer } = await startUp(place, env);
    await expect.poll(async () => (await faultsOf(daemon)).codes, PATIENTLY).toEqual({});
    // The paper account starts last.
    const account = join(place.home, 'ea', 'simulated_paper', 'account.json');
    await expect.poll(() => existsSync(account), PATIENTLY).toBe(true);
    const moved = join(place.folder, 'moved_home');
    renameSync(place.home, moved);
    const lost = { home_folder: 'FOLDER_UNUSABLE', journal_file: 'FILE_REPLACED', models_folder: 'MODEL_MISSING' };
    await expect.poll(async () => (await faultsOf(daemon)).codes, PATIENTLY).toMatchObject(lost);
    await expect
      .poll(async () => (await faultsOf(trainer)).codes, PATIENTLY)
      .toMatchObject({ home_folder: 'FOLDER_UNUSABLE', store: 'FILE_REPLACED', models_folder: 'MODEL_MISSING' });
    expect(await downOf(daemon)).toEqual(expect.arrayContaining(Object.keys(lost)));
    await expect.poll(() => notified('trigger'), PATIENTLY).toEqual(expect.arrayContaining(['trainer home_folder']));
    // Of the daemon nothing is known without the home, where its address is: above all not that it is dead.
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    const events = hook.sent.map(({ event }) => event);
    expect(events.filter((event) => event === 'daemon_dead' || event === 'daemon_mute')).toEqual([]);
    // The command finds the processes by the files of the home.
    expect((await statusOf(place, env)).code).toBe(1);
    // Nobody has made a new one, into which the moved one would be moved.
    expect(existsSync(place.home) ? readdirSync(place.home, { recursive: true }) : 'absent').toBe('absent');
    renameSync(moved, place.home);
    for (const port of [daemon, trainer])
      await expect.poll(async () => (await faultsOf(port)).codes, PATIENTLY).toEqual({});
    await expect.poll(async () => (await statusOf(place, env)).code, { timeout: 60_000, interval: 2000 }).toBe(0);
    up.killGroup('SIGTERM');
    expect(await up.ended).toBe(0);
    expect(gapsIn(join(place.home, 'simulated_main.db'))).toEqual([]);
  });
});
