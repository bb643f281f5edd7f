import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dependenciesOf, type DependencyName } from '../shared/dependencies/table.ts';
import { POSTGRES_NOTE, startPostgres } from '../trainer/store/postgres_server.fixture.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually } from './cli_process.ts';
import { downOf, faultsOf, startUp, statusOf, webhook } from './installation_health.ts';
import { requireRedis } from './redis_server.ts';
import { tinyModels, type SettingsOverrides } from './tiny_models.ts';

vi.setConfig({ testTimeout: 900_000 });

const OVERRIDES: SettingsOverrides = {
  retrain: { monitor_minutes: 10_080, notification_disk_min_mb: 1, notification_rate_per_minute: 600 },
  minutehand: { transports: { redis: { enabled: 'auto' } }, log: { level: 'info' } },
};
/** The clock of a process is off by the number in a file. */
const CLOCK = `
import { readFileSync } from 'node:fs';
const real = Date.now;
let shift = 0;
setInterval(() => { shift = Number(readFileSync(process.env.TEST_CLOCK_FILE, 'utf8')); }, 500).unref();
Date.now = () => real() + shift;
`;

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

const sorted = (codes: Record<string, string>): [string, string][] => Object.entries(codes).sort();

describe('a running installation', () => {
  it('shows each broken dependency in status, health, metrics and a notification, and that it is well again', async (context) => {
    const redis = await requireRedis(context);
    toClose.push(() => redis.stop());
    const place = createWorkplace(OVERRIDES);
    toClose.push(() => place.remove());
    mkdirSync(place.home);
    // The first look finds it: one that comes later is missed only from the second on.
    mkdirSync(join(place.home, 'log'));
    activate(place.models, (await tinyModels(place.models, { settings: place.settings })).version);
    const { url, sent, close } = await webhook();
    toClose.push(close);
    const clockFile = join(place.folder, 'clock');
    writeFileSync(clockFile, '0');
    writeFileSync(join(place.folder, 'clock.mjs'), CLOCK);
    const config = join(place.folder, 'config_of_status');
    cpSync(place.config, config, { recursive: true });
    const env = { MINUTEHAND_WEBHOOK_URL: url, MINUTEHAND_REDIS_URL: redis.url };
    const clock = {
      NODE_OPTIONS: `--import ${pathToFileURL(join(place.folder, 'clock.mjs')).href}`,
      TEST_CLOCK_FILE: clockFile,
    };
    const { up, daemon, trainer } = await startUp(place, { ...env, ...clock });
    const look = { ...env, MINUTEHAND_CONFIG: config };
    await eventually('a daemon with models and Redis', async () => {
      const health = (await (await fetch(`http://127.0.0.1:${daemon}/healthz`)).json()) as Record<string, unknown>;
      return health['redis'] === 'up' && health['model_version'] !== null;
    });
    // Of a Redis that has answered once, its loss is told.
    const trainerLog = join(place.home, 'log', 'trainer.log');
    await eventually('a trainer that reads fills from Redis', () =>
      Promise.resolve(existsSync(trainerLog) && readFileSync(trainerLog, 'utf8').includes('fills are read from Redis')),
    );
    expect(await faultsOf(trainer)).toEqual({ status: 'ok', codes: {} });
    expect((await faultsOf(daemon)).codes).toEqual({});
    expect(await downOf(daemon)).toEqual([]);
    const moved = (name: string): string => join(place.folder, `moved_${name}`);
    const signals = join(place.home, 'signals');
    const log = join(place.home, 'log');
    for (const name of ['simulated_main.db', 'trainer.db'])
      for (const end of ['', '-wal', '-shm']) rmSync(join(place.home, `${name}${end}`), { force: true });
    renameSync(place.models, moved('models'));
    renameSync(place.config, moved('config'));
    renameSync(log, moved('log'));
    renameSync(signals, moved('signals'));
    writeFileSync(signals, 'no folder');
    await redis.kill();
    writeFileSync(clockFile, '-90000');

    const ofDaemon: Partial<Record<DependencyName, string>> = {
      journal_file: 'FILE_REPLACED',
      models_folder: 'MODEL_MISSING',
      log_folder: 'FOLDER_UNUSABLE',
      exchange_folder: 'FOLDER_UNUSABLE',
      config_folder: 'FOLDER_UNUSABLE',
      redis_link: 'REDIS_DOWN',
      clock: 'CLOCK_STEPPED',
    };
    const ofTrainer: Partial<Record<DependencyName, string>> = {
      store: 'FILE_REPLACED',
      models_folder: 'MODEL_MISSING',
      log_folder: 'FOLDER_UNUSABLE',
      config_folder: 'FOLDER_UNUSABLE',
      redis_link: 'REDIS_DOWN',
    };
    const patiently = { timeout: 180_000, interval: 500 };
    await expect.poll(async () => sorted((await faultsOf(daemon)).codes), patiently).toEqual(sorted(ofDaemon));
    await expect.poll(async () => sorted((await faultsOf(trainer)).codes), patiently).toEqual(sorted(ofTrainer));
    expect((await faultsOf(daemon)).status).toBe('degraded');
    expect((await faultsOf(trainer)).status).toBe('degraded');
    expect(await downOf(daemon)).toEqual(Object.keys(ofDaemon).sort());
    expect(await downOf(trainer)).toEqual(Object.keys(ofTrainer).sort());
    const alerted = (what: string): string[] =>
      sent
        .filter(({ action, event }) => action === what && event === 'dependency')
        .map(({ key }) => key.replace(/^dependency:(\w+)@[^:]*:/, '$1 '))
        .sort();
    const expected = [
      ...Object.keys(ofDaemon).map((name) => `main ${name}`),
      ...Object.keys(ofTrainer).map((name) => `trainer ${name}`),
    ].sort();
    await expect.poll(() => alerted('trigger'), patiently).toEqual(expected);

    const { code, answer } = await statusOf(place, look);
    expect(code).toBe(1);
    const problems = answer.findings.filter(({ weight }) => weight === 'problem');
    for (const [about, codes] of [
      ['daemon main', ofDaemon],
      ['trainer', ofTrainer],
    ] as const)
      for (const [name, seen] of Object.entries(codes))
        expect(
          problems.some((one) => one.about === about && one.text.startsWith(`${seen}: `)),
          `${about} ${name}`,
        ).toBe(true);

    // Folders that come back are well; a deleted database needs a restart.
    rmSync(signals);
    renameSync(moved('signals'), signals);
    for (const [name, path] of [
      ['models', place.models],
      ['config', place.config],
    ] as const)
      renameSync(moved(name), path);
    rmSync(log, { recursive: true, force: true });
    renameSync(moved('log'), log);
    const restarted = await requireRedis(context, [], redis.port);
    toClose.push(() => restarted.stop());
    await expect.poll(() => downOf(daemon), patiently).toEqual(['clock', 'journal_file']);
    await expect.poll(() => downOf(trainer), patiently).toEqual(['store']);
    await expect
      .poll(() => alerted('resolve'), patiently)
      .toEqual(expected.filter((one) => !/ (clock|journal_file|store)$/.test(one)));
    up.killGroup('SIGTERM');
    await up.ended;
  });

  it('shows in status, health, metrics and a notification that PostgreSQL is gone', async (context) => {
    const postgres = (await startPostgres()) ?? context.skip(POSTGRES_NOTE);
    let isStopped = false;
    toClose.push(() => (isStopped ? undefined : postgres.stop()));
    const place = createWorkplace(OVERRIDES);
    toClose.push(() => place.remove());
    const { url, sent, close } = await webhook();
    toClose.push(close);
    const env = { MINUTEHAND_WEBHOOK_URL: url, MINUTEHAND_DATABASE_URL: await postgres.createDatabase() };
    const { trainer } = await startUp(place, env);
    expect(await faultsOf(trainer)).toEqual({ status: 'ok', codes: {} });
    await postgres.stop();
    isStopped = true;
    const patiently = { timeout: 180_000, interval: 500 };
    await expect.poll(async () => (await faultsOf(trainer)).codes, patiently).toEqual({ store: 'STORE_UNUSABLE' });
    expect(await downOf(trainer)).toEqual(['store']);
    await expect
      .poll(() => sent.some(({ event, key }) => event === 'dependency' && key.endsWith(':store')), patiently)
      .toBe(true);
    const { code, answer } = await statusOf(place, env);
    expect(code).toBe(1);
    expect(answer.findings.find(({ text: seen }) => seen.startsWith('STORE_UNUSABLE'))).toMatchObject({
      weight: 'problem',
      about: 'trainer',
    });
  });
});

describe('the table of dependencies', () => {
  it('is checked completely by each process', () => {
    const all = new Set([...dependenciesOf('daemon'), ...dependenciesOf('trainer')]);
    expect([...all]).toHaveLength(11);
  });
});
