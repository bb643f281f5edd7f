import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPILED_PROGRAM } from '../shared/launcher.ts';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';

const PROGRAM = join(packageRoot(), COMPILED_PROGRAM);
const UNDER_UMASK = 'umask "$1"; shift; exec "$@"';

describe.runIf(process.platform === 'linux')('files of run-time data', { timeout: 120_000 }, () => {
  let place: Workplace;
  const stops: (() => Promise<unknown>)[] = [];
  beforeEach(() => {
    place = createWorkplace({ minutehand: { market: 'simulated', log: { level: 'info' } } });
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
    await place.remove();
  });

  function start(umask: string, command: string, env: NodeJS.ProcessEnv): void {
    const child = spawn('/bin/sh', ['-c', UNDER_UMASK, 'sh', umask, process.execPath, PROGRAM, command], {
      cwd: place.folder,
      env: { ...process.env, MINUTEHAND_CONFIG: place.config, ...env },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    stops.push(() => (child.kill('SIGTERM'), ended));
  }

  function finish(umask: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown> {
    const child = spawn('/bin/sh', ['-c', UNDER_UMASK, 'sh', umask, process.execPath, PROGRAM, ...args], {
      cwd: place.folder,
      env: { ...process.env, MINUTEHAND_CONFIG: place.config, ...env },
      stdio: 'ignore',
    });
    return new Promise((resolve) => child.once('close', resolve));
  }

  /**
   * Runs a daemon until there are signals and the other `wanted` files are in its home.
   * @returns the mode of every path in `folder`
   */
  async function modesAfterRun(
    umask: string,
    folder: string,
    env: NodeJS.ProcessEnv,
    wanted: readonly string[] = [],
  ): Promise<Map<string, number>> {
    start(umask, 'daemon', env);
    await eventually(
      () => `${wanted.join()} among ${[...modesIn(place.home).keys()].join()}`,
      () => wanted.every((name) => modesIn(place.home).has(join(place.home, name))),
    );
    const signal = (): string[] => [...modesIn(folder).keys()].filter((path) => path.endsWith('/signal.json'));
    // A folder has its mode before its file exists.
    const pairs = place.settings.minutehand.pairs.length;
    await eventually(
      () => `${pairs} signal files, there are ${signal().length}`,
      () => signal().length === pairs && signal().every((path) => readFileSync(path, 'utf8').endsWith('}\n')),
    );
    return modesIn(folder);
  }

  it('are readable by their user only, under the usual umask', async () => {
    const env = { MINUTEHAND_HOME: place.home };
    start('022', 'trainer', env);
    const stored = ['simulated_main.db', 'trainer.db'];
    const wanted = ['daemon_main.json', 'trainer.json', 'log/trainer.log', 'log/signal_dispatch.log', ...stored];
    const modes = await modesAfterRun('022', place.home, env, wanted);
    for (const [path, mode] of modes) expect((mode & 0o077).toString(8), path).toBe('0');
    expect(modes.get(place.home)! & 0o777).toBe(0o700);
    expect(modes.get(join(place.home, 'simulated_main.db'))! & 0o777).toBe(0o600);
  });

  it('of commands are too, also what they export', async () => {
    const env = { MINUTEHAND_HOME: place.home };
    const bars = join(place.folder, 'import');
    mkdirSync(bars);
    writeFileSync(join(bars, 'XAUUSD.csv'), `time,open,high,low,close,volume\n1700000040,1,2,1,2,1\n`);
    const commands = [
      ['token', 'create', '--role', 'viewer', '--name', 'ann'],
      ['policy', 'propose', 'core.min_expected_net_bps=0.5', '--reason', 'costs rose'],
      ['bars', 'import', bars, '--out', join(place.folder, 'bars')],
      ['signals', 'list', '--out', join(place.folder, 'signals.csv')],
      ['trades', 'export', '--out', join(place.folder, 'trades.csv')],
      ['signals', 'archive'],
      ['audit', 'list'],
      ['alerts', 'list'],
      ['status'],
    ];
    for (const args of commands) await finish('022', args, env);
    const before = new Set([place.config, bars, place.folder]);
    const modes = [...modesIn(place.folder)].filter(
      ([path]) => ![...before].some((own) => path === own || (own !== place.folder && path.startsWith(`${own}/`))),
    );
    const paths = modes.map(([path]) => path);
    expect(paths).toEqual(
      expect.arrayContaining([join(place.home, 'trainer.db'), join(place.home, 'policy', 'repository.git', 'HEAD')]),
    );
    for (const [path, mode] of modes) expect((mode & 0o077).toString(8), path).toBe('0');
  });

  it('are shared with the group if the umask allows it', async () => {
    const modes = await modesAfterRun('027', place.home, { MINUTEHAND_HOME: place.home });
    for (const [path, mode] of modes) expect((mode & 0o027).toString(8), path).toBe('0');
    expect(modes.get(place.home)! & 0o777).toBe(0o750);
    expect(modes.get(join(place.home, 'signals', 'signals.json'))! & 0o777).toBe(0o640);
  });

  it('are private except signals in the folder of MINUTEHAND_EXCHANGE, which follow the umask', async () => {
    const exchange = join(place.folder, 'exchange');
    mkdirSync(exchange);
    const modes = await modesAfterRun('022', exchange, { MINUTEHAND_HOME: place.home, MINUTEHAND_EXCHANGE: exchange });
    for (const [path, mode] of modesIn(place.home)) expect((mode & 0o077).toString(8), path).toBe('0');
    modes.delete(exchange);
    for (const [path, mode] of modes)
      if (!path.endsWith('.tmp'))
        expect(mode & 0o777, path).toBe(
          /\.lock$|\/owner\.json$/.test(path) ? 0o600 : /\.json$/.test(path) ? 0o644 : 0o755,
        );
  });
});

/** Modes of a folder and its contents; files that disappear meanwhile are left out. */
function modesIn(folder: string): Map<string, number> {
  const modes = new Map<string, number>();
  const visit = (path: string): void => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    modes.set(path, stat.mode);
    if (stat.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
  };
  visit(folder);
  return modes;
}
