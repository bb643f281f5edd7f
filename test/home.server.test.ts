import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { openJournal } from '../shared/store/journal.ts';
import { openStore } from '../trainer/store/store.ts';
import { activateDirection } from './activate.ts';
import { createWorkplace, PROGRAM } from './cli_process.ts';
import { writeTinyDirection } from './tiny_direction.ts';

/** Longer than any start: a process that creates a folder in an endless loop never ends. */
const HANGS_MS = 60_000;

const workplace = createWorkplace();
afterAll(() => workplace.remove());

describe.runIf(process.platform === 'linux')('a MINUTEHAND_HOME that cannot be made', { timeout: 4 * HANGS_MS }, () => {
  it.each([
    [['daemon'], 'HOME_UNUSABLE'],
    [['daemon', '--standby'], 'HOME_UNUSABLE'],
    [['trainer'], 'HOME_UNUSABLE'],
    [['up'], 'HOME_UNUSABLE'],
    [['bars', 'check'], 'STORE_UNUSABLE'],
    [['doctor'], '✗ home'],
  ])('ends `minutehand %s` at once: %s', async (args, words) => {
    const env = { MINUTEHAND_HOME: '/proc/minutehand/home' };
    const { code, stdout, stderr } = await workplace.run(args, { env, killAfterMs: HANGS_MS });
    expect(stdout + stderr).toContain(words);
    expect(stdout + stderr).toContain('/proc/minutehand');
    expect(code).toBe(1);
  });
});

const OF_A_HOME = [
  ...[
    'status',
    'golive',
    'doctor',
    'bars history',
    'bars check',
    'bars undo 1',
    'bars learn-spreads',
    'train',
    'league',
  ],
  ...['automl', 'news list', 'backtest', 'scan', 'strategy list', 'replay', 'parity', 'jobs list', 'jobs show 1'],
  ...['runs list', 'models list', 'models show 20260101_0000', 'models promote 20260101_0000', 'models rollback'],
  ...['models recover', 'models shadow 20260101_0000', 'rollout status', 'alerts list', 'alerts test', 'report'],
  ...['token list', 'trades list', 'trades check', 'halt EURUSD_GBPUSD --reason x', 'close-all --reason x', 'ea'],
  ...['signals list', 'explain abc', 'policy list', 'check models', 'stop', 'up', 'upgrade', 'daemon', 'trainer'],
];

const NOBODY = 65_534;
/** root may read everything. */
const IS_ROOT = process.getuid?.() === 0;

describe.runIf(process.platform === 'linux')('what this user may not read', { timeout: 4 * HANGS_MS }, () => {
  const place = createWorkplace();
  const journal = join(place.home, 'simulated_main.db');
  const version = writeTinyDirection(place.models, 'BTCUSDT', '1h', new Date('2024-01-09T12:00:00Z'));
  const bundle = join(place.models, 'direction', version);
  beforeAll(async () => {
    openJournal(journal).close();
    writeFileSync(join(place.folder, 'signal.json'), '{}');
    activateDirection(place.models, version, place.home);
    await (await openStore(join(place.home, 'trainer.db'))).close();
    if (IS_ROOT) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, place.folder]);
  });
  afterAll(() => place.remove());

  const asPlainUser = (args: readonly string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...args], {
      cwd: place.folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', MINUTEHAND_HOME: place.home, MINUTEHAND_CONFIG: place.config },
      timeout: HANGS_MS,
      ...(IS_ROOT && { uid: NOBODY, gid: NOBODY }),
    });

  it('of a home refuses every command that has to do with it, by one error', () => {
    chmodSync(place.home, 0o000);
    try {
      for (const command of OF_A_HOME) {
        const { status, stdout, stderr } = asPlainUser(command.split(' '));
        const said = `${command}: ${stdout}${stderr}`;
        expect(said).toContain(
          `FILE_DENIED: The system lets this user not read or write a file or folder. Seen: ${place.home}`,
        );
        expect(said).not.toMatch(/INTERNAL|_MISSING|^ +at /m);
        expect(status, said).toBe(1);
      }
      expect(asPlainUser(['help', 'errors', 'FILE_DENIED']).status).toBe(0);
    } finally {
      chmodSync(place.home, 0o700);
    }
  });

  it('of the programs that another user has installed ends in no stack trace', () => {
    const { stderr } = spawnSync(process.execPath, [join(packageRoot(), 'bin', 'minutehand.mjs'), '--version'], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
      ...(IS_ROOT && { uid: NOBODY, gid: NOBODY }),
    });
    // Where something is to be built, by an error with a code.
    expect(stderr).not.toMatch(/^EACCES|^ +at /m);
  });

  it.each([
    { denied: place.home, commands: ['status', 'golive', 'bars history', 'models list', 'trades list'] },
    {
      denied: join(place.home, 'trainer.db'),
      commands: ['golive', 'bars history', 'bars check', 'trades list', 'jobs list', 'policy list', 'token list'],
    },
    {
      denied: journal,
      commands: ['golive --market simulated', `replay --journal ${journal}`, 'bars check --market simulated'],
    },
    {
      denied: place.models,
      commands: [
        'golive',
        'models list',
        `models show ${version}`,
        `models verify ${version}`,
        `models promote ${version}`,
      ],
    },
    { denied: bundle, commands: [`models show ${version}`, `models verify ${version}`, `models promote ${version}`] },
    {
      denied: join(bundle, 'manifest.json'),
      commands: [
        `models show ${version}`,
        `models verify ${version}`,
        `backtest --models ${bundle} --data ${place.home}`,
      ],
    },
    // An unreadable pointer is not an absent one: nothing may be written in its place.
    {
      denied: join(place.models, 'direction', '1h.json'),
      commands: ['status', 'golive', `models promote ${version}`],
    },
    { denied: join(place.folder, 'signal.json'), commands: [`signal verify ${join(place.folder, 'signal.json')}`] },
    { denied: place.config, commands: ['status', 'golive', 'config check', 'bars check'] },
    { denied: join(place.config, 'core_policy.yaml'), commands: ['status', 'golive', 'config check', 'bars check'] },
  ])('is named, and neither missing nor a defect: $denied', ({ denied, commands }) => {
    const { mode } = statSync(denied);
    chmodSync(denied, 0o000);
    try {
      for (const command of commands) {
        const { status, stdout, stderr } = asPlainUser(command.split(' '));
        const said = `${command}: ${stdout}${stderr}`;
        expect(said).toMatch(/FILE_DENIED|lets this user not read/);
        expect(said).toContain(denied);
        expect(said).not.toMatch(/INTERNAL|_MISSING|none is active|^ +at /m);
        expect(status, said).not.toBe(0);
      }
    } finally {
      chmodSync(denied, mode);
    }
  });
});
