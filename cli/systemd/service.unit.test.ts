import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from '../../shared/policy/policy.ts';
import { NODE_MAJOR } from '../../shared/node_version.ts';
import { packageRoot } from '../../shared/root.ts';
import { addService } from '../commands/service.ts';
import type { Output } from '../output.ts';
import type { Machine } from './machine.ts';
import { skipNote } from '../../test/skip_note.ts';

const UNITS = '/etc/systemd/system';
const WANTS = `${UNITS}/minutehand.target.wants`;
const CONFIG = '/etc/minutehand';
const PLACES = `${UNITS}/minutehand-.service.d/20-places.conf`;
const MAIN = ['minutehand.target', 'minutehand-trainer.service', 'minutehand-daemon@main.service'];
const STANDBY = 'minutehand-standby@main.service';

let folder: string;
/** The commands that were run on the machine. */
let ran: string[];
let lines: string[];
let result: Record<string, unknown> | null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-service-'));
  ran = [];
  lines = [];
  result = null;
  process.exitCode = 0;
});
afterEach(() => {
  process.exitCode = 0;
  rmSync(folder, { recursive: true, force: true });
});

/**
 * A machine whose files are in `folder`, and whose systemd does nothing but keep what is enabled, where systemd keeps
 * it.
 */
function machine(changes: Partial<Machine> = {}): Machine {
  const wants = join(folder, WANTS);
  return {
    root: folder,
    platform: 'linux',
    hidden: [],
    user: 'PC\\ann',
    uid: 0,
    isBooted: true,
    run(program, args) {
      if (args[0] === '--version') return { code: 0, stdout: `v${NODE_MAJOR}.1.0\n`, stderr: '' };
      ran.push([program, ...args].join(' '));
      const units = args.filter((word) => /^minutehand-.*service$/.test(word));
      if (args.includes('enable')) {
        mkdirSync(wants, { recursive: true });
        for (const unit of units) writeFileSync(join(wants, unit), '');
      }
      if (args.includes('disable')) for (const unit of units) rmSync(join(wants, unit), { force: true });
      const shown = args.includes('show')
        ? units.map((unit) => `Id=${unit}\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled`)
        : [];
      return { code: 0, stdout: shown.join('\n\n'), stderr: '' };
    },
    ...changes,
  };
}

async function service(args: readonly string[], on = machine()): Promise<void> {
  const output: Output = {
    json: false,
    line: (text) => void lines.push(text),
    print: (text) => void lines.push(text),
    note: (text) => void lines.push(text),
    missing: (text) => void lines.push(text),
    result: (value) => void (result = value as Record<string, unknown>),
    written: () => undefined,
    progress: () => ({ update: () => undefined, stop: () => undefined }),
  };
  const program = new Command('minutehand').exitOverride();
  addService(program, () => output, on);
  await program.parseAsync(['service', ...args], { from: 'user' });
}

/**
 * Folders of the program and its Node: with unusual names, to see that nothing of it means something to systemd.
 */
const place = (): { program: string; node: string } => ({
  program: at('/opt/my 100% $HOME'),
  node: at('/opt/node 20'),
});

function copyProgram(): void {
  const { program, node } = place();
  for (const path of ['dist/cli', 'node_modules']) mkdirSync(join(program, path), { recursive: true });
  writeFileSync(join(program, 'dist/cli/minutehand.js'), '');
  writeFileSync(node, '#!/bin/sh\n', { mode: 0o755 });
  chmodSync(folder, 0o755);
}

function install(...args: string[]): Promise<void> {
  copyProgram();
  const { program, node } = place();
  return service(['install', '--program', program, '--node', node, ...args]);
}

const at = (path: string): string => join(folder, path);
const read = (path: string): string => readFileSync(at(path), 'utf8');
function change(path: string, from: string | RegExp, to: string): void {
  expect(read(path)).toMatch(from);
  writeFileSync(at(path), read(path).replace(from, to));
}
const outcomes = (): Record<string, string> =>
  Object.fromEntries(
    (result!['files'] as { path: string; outcome: string }[]).map((file) => [file.path, file.outcome]),
  );
const [FIRST_PAIR, ...OTHER_PAIRS] = loadSettings({ env: {} }).minutehand.pairs;
const TWO_SHARDS = `shards:\n  metals: [${FIRST_PAIR}]\n  rest: { pairs: [${OTHER_PAIRS.join(', ')}], port: 7410 }\n`;

describe('service install', () => {
  it('writes units, configuration, user and rotation, and starts all of it by systemd', async () => {
    await install();
    expect(Object.keys(outcomes())).toEqual(
      expect.arrayContaining([`${UNITS}/minutehand-daemon@.service`, `${CONFIG}/minutehand.yaml`]),
    );
    for (const path of Object.keys(outcomes())) expect(existsSync(at(path)), path).toBe(true);
    expect(ran.map((command) => command.replace(/ --timestamp.* --/, ''))).toEqual([
      'systemd-sysusers /etc/sysusers.d/minutehand.conf',
      'systemctl daemon-reload',
      `systemctl --quiet enable ${[...MAIN, STANDBY].join(' ')}`,
      `systemctl show ${[...MAIN, STANDBY].join(' ')}`,
      `systemctl start ${[...MAIN, STANDBY].join(' ')}`,
      `systemctl show ${[...MAIN, STANDBY].join(' ')}`,
    ]);
    expect(process.exitCode).toBe(0);
  });

  it('installs the server engine by the Node of the services, and goes on with ws where that fails', async () => {
    copyProgram();
    const { program, node } = place();
    const installer = join(program, 'bin', 'engine.mjs');
    mkdirSync(join(program, 'bin'));
    writeFileSync(installer, '');
    await service(['install', '--program', program, '--node', node, '--no-start']);
    expect(ran[0]).toBe(`${node} ${installer}`);
    expect(lines).toContain('engine   uWebSockets.js');
    const run = machine().run;
    const refused = machine({
      run: (file, args) =>
        args[0] === installer ? { code: 1, stdout: '', stderr: 'fetching …\nno build\n' } : run(file, args),
    });
    await service(['install', '--program', program, '--node', node, '--no-start'], refused);
    expect(lines).toContain('engine   ws: no build');
    expect(process.exitCode).toBe(0);
  });

  it('leaves the start to the user with --no-start', async () => {
    await install('--no-start');
    expect(ran.some((command) => command.includes('start'))).toBe(false);
    expect(lines.at(-1)).toContain('systemctl start minutehand.target');
  });

  it('keeps changes of the user, repairs its own files, and changes nothing else the second time', async () => {
    await install();
    expect(statSync(at(`${CONFIG}/minutehand.env`)).mode & 0o777).toBe(0o600);
    change(`${CONFIG}/minutehand.yaml`, 'market: simulated', 'market: live');
    writeFileSync(at(`${CONFIG}/minutehand.env`), 'MINUTEHAND_TOKEN=mine\n');
    change(`${UNITS}/minutehand-trainer.service`, 'CPUWeight=20', 'CPUWeight=21');
    await install();
    expect(read(`${CONFIG}/minutehand.yaml`)).toContain('market: live');
    expect(read(`${CONFIG}/minutehand.env`)).toBe('MINUTEHAND_TOKEN=mine\n');
    expect(read(`${UNITS}/minutehand-trainer.service`)).toContain('CPUWeight=20');
    expect(Object.entries(outcomes()).filter(([, outcome]) => outcome === 'written')).toEqual([
      [`${UNITS}/minutehand-trainer.service`, 'written'],
    ]);
  });

  it('follows the shards of the configuration, and ends the daemons of removed shards', async () => {
    await install();
    change(`${CONFIG}/minutehand.yaml`, /shards:\n {2}main: all\n/, TWO_SHARDS);
    await install('--no-standby');
    expect(result!['units']).toEqual([
      'minutehand.target',
      'minutehand-trainer.service',
      'minutehand-daemon@metals.service',
      'minutehand-daemon@rest.service',
    ]);
    expect(ran).toContain(`systemctl disable --now minutehand-daemon@main.service ${STANDBY}`);
  });

  it('writes nothing when the configuration is wrong', async () => {
    await install('--no-start');
    change(`${CONFIG}/minutehand.yaml`, 'market: simulated', 'market: alive');
    rmSync(at(UNITS), { recursive: true });
    await expect(install()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(existsSync(at(UNITS))).toBe(false);
  });

  it('makes outside folders of configuration and environment writable for a service', async () => {
    await install();
    expect(read(PLACES)).toContain('# None.');
    change(`${CONFIG}/signals_policy.yaml`, 'value: archive\n', 'value: /mnt/nas/signals\n');
    writeFileSync(at(`${CONFIG}/minutehand.env`), '# X=1\nMINUTEHAND_EXCHANGE="/home/ann/Common Files"\n');
    await install();
    expect(read(PLACES)).toContain('BindPaths="-/home/ann/Common Files"\nBindPaths=-/mnt/nas/signals\n');
  });

  it('shows any user with --dry-run what it would write, and writes nothing', async () => {
    copyProgram();
    const { program, node } = place();
    const everybody = machine({ uid: 1000, isBooted: false });
    await service(['install', '--dry-run', '--program', program, '--node', node], everybody);
    expect(lines.join('\n')).toContain('WatchdogSec=30');
    expect([existsSync(at('/etc')), ran]).toEqual([false, []]);
  });

  it('writes files and nothing else with --root, for any machine', async () => {
    const args = ['install', '--root', at('/package'), '--program', '/opt/minutehand', '--node', '/usr/bin/node'];
    await service(args, machine({ platform: 'darwin', isBooted: false, uid: 1000 }));
    expect(read(`/package${UNITS}/minutehand-trainer.service`)).toContain(
      'ExecStart=/usr/bin/node /opt/minutehand/dist/cli/minutehand.js trainer',
    );
    expect([ran, existsSync(at('/etc'))]).toEqual([[], false]);
  });

  it.each([
    ['another system', { platform: 'darwin' }, 'SERVICE_UNSUPPORTED'],
    ['a Linux without systemd', { isBooted: false }, 'SERVICE_UNSUPPORTED'],
    ['a user that is not root', { uid: 1000 }, 'SERVICE_RIGHTS'],
  ] as const)('refuses %s, and names the next step', async (_what, changes, code) => {
    await expect(service(['install'], machine(changes))).rejects.toMatchObject({
      code,
      next: expect.any(String) as string,
    });
    await expect(service(['uninstall'], machine(changes))).rejects.toMatchObject({ code });
    expect(ran).toEqual([]);
  });

  it('refuses a program that a service cannot access: hidden, without permission, or missing', async () => {
    copyProgram();
    const { program, node } = place();
    const args = ['install', '--program', program, '--node', node];
    const hidden = machine({ hidden: [at('/opt')] });
    await expect(service(args, hidden)).rejects.toMatchObject({ code: 'SERVICE_PLACE' });
    chmodSync(program, 0o700);
    await expect(service(args)).rejects.toMatchObject({
      code: 'SERVICE_PLACE',
      expected: expect.stringContaining(program),
    });
    rmSync(program, { recursive: true });
    await expect(service(args)).rejects.toMatchObject({
      code: 'SERVICE_PLACE',
      seen: expect.stringContaining('does not exist'),
    });
  });

  it('reports which system command failed, and its output', async () => {
    copyProgram();
    const { program, node } = place();
    const whole = machine();
    const broken = machine({
      run: (command, args) =>
        command === node ? whole.run(command, args) : { code: 1, stdout: '', stderr: 'No space left on device\n' },
    });
    await expect(service(['install', '--program', program, '--node', node], broken)).rejects.toMatchObject({
      code: 'SERVICE_COMMAND',
      seen: 'systemd-sysusers /etc/sysusers.d/minutehand.conf: No space left on device',
    });
  });
});

describe('the Node of a service', () => {
  it.each([
    ['another version', { code: 0, stdout: 'v22.14.0\n', stderr: '' }, 'v22.14.0'],
    ['what does not start', { code: null, stdout: '', stderr: 'spawnSync node EACCES' }, 'spawnSync node EACCES'],
  ])('is refused where it is %s, and nothing is written', async (_, answer, seen) => {
    copyProgram();
    const { program, node } = place();
    const on = machine({ run: () => answer });
    await expect(service(['install', '--program', program, '--node', node], on)).rejects.toMatchObject({
      code: 'NODE_UNSUPPORTED',
      seen: `${node}: ${seen}`,
    });
    expect(existsSync(at(UNITS))).toBe(false);
  });
});

describe('service uninstall', () => {
  beforeEach(async () => {
    await install();
    mkdirSync(at('/var/lib/minutehand'), { recursive: true });
    writeFileSync(at(`${UNITS}/minutehand-.service.d/50-local.conf`), '[Service]\nMemoryMax=4G\n');
    ran = [];
  });
  const left = (): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (path) => !/^opt\b/.test(path) && statSync(at(path)).isFile(),
    );

  it('stops everything, and keeps configuration, data and the user’s files beside it', async () => {
    await service(['uninstall']);
    expect(ran.slice(0, 3)).toEqual([
      'systemctl stop minutehand-*.service minutehand.target',
      `systemctl --quiet disable ${['minutehand.target', MAIN[2], STANDBY, MAIN[1]].join(' ')}`,
      'systemctl daemon-reload',
    ]);
    expect(existsSync(at('/var/lib/minutehand'))).toBe(true);
    expect(left().filter((path) => !path.startsWith('etc/minutehand/'))).toEqual([
      'etc/systemd/system/minutehand-.service.d/50-local.conf',
    ]);
    expect(left()).toContain('etc/minutehand/minutehand.env');
    await service(['uninstall']);
    expect(lines).toContain('Nothing to remove.');
  });

  it('also removes the data and the user with --purge, and lists them with --dry-run', async () => {
    await service(['uninstall', '--purge', '--dry-run']);
    expect(result!['removed']).toContain('/var/lib/minutehand');
    expect(existsSync(at('/var/lib/minutehand'))).toBe(true);
    await service(['uninstall', '--purge']);
    expect([existsSync(at('/var/lib/minutehand')), existsSync(at(CONFIG))]).toEqual([false, false]);
    expect(ran.at(-1)).toBe('userdel minutehand');
  });

  it('does not need a valid configuration', async () => {
    change(`${CONFIG}/minutehand.yaml`, 'market: simulated', 'market: alive');
    await service(['uninstall']);
    expect(existsSync(at(`${UNITS}/minutehand.target`))).toBe(false);
  });
});

describe('service status', () => {
  it('shows every unit that is installed, and fails when one of them does not run', async () => {
    await expect(service(['status'])).rejects.toMatchObject({ code: 'SERVICE_ABSENT' });
    await install();
    await service(['status']);
    expect((result!['units'] as { unit: string }[]).map(({ unit }) => unit)).toContain(STANDBY);
    expect(process.exitCode).toBe(0);
    const down = 'Id=minutehand-daemon@main.service\nLoadState=loaded\nActiveState=failed\nResult=watchdog';
    await service(['status'], machine({ run: () => ({ code: 0, stdout: down, stderr: '' }) }));
    expect(lines.at(-1)).toContain('ended last with watchdog');
    expect(process.exitCode).toBe(1);
  });
});

describe('minutehandctl', () => {
  it('runs the program at its installed path, for services as root itself', async () => {
    await install('--no-start');
    writeFileSync(at('/opt/node 20'), '#!/bin/sh\nprintf "%s|" "$@"\n');
    const script = at('/usr/local/bin/minutehandctl');
    const { stdout, stderr } = spawnSync(script, ['service', 'a b'], { encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({
      stdout: `${join(place().program, 'dist/cli/minutehand.js')}|service|a b|`,
      stderr: '',
    });
    // A machine without systemd-run reports that; the script's real work was verified with real systemd only.
    const { status } = spawnSync(script, ['status'], { encoding: 'utf8', env: { PATH: '/nowhere' } });
    expect(status).toBe(127);
  });
});

describe('the units', () => {
  it('are the same for a daemon and its standby, which may change places, but for their order at a stop', () => {
    const lines = (kind: string): string[] =>
      readFileSync(join(packageRoot(), 'systemd', `minutehand-${kind}@.service`), 'utf8')
        .split('\n')
        .filter((line) => !/^(Description|After|OOMScoreAdjust)=|^#|^$/.test(line));
    expect(lines('standby')).toEqual(lines('daemon'));
  });

  const analyze = (...args: string[]): { status: number | null; printed: string } => {
    const env = { ...process.env, SYSTEMD_UNIT_PATH: `${at(UNITS)}:` };
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { env, encoding: 'utf8', timeout: 20_000 });
    return { status, printed: `${stdout}${stderr}` };
  };
  const isAnalyzed = spawnSync('systemd-analyze', ['--version']).status === 0;

  const note = skipNote(!isAnalyzed, 'systemd-analyze is not installed');

  it.runIf(isAnalyzed)(
    `are what systemd understands, with the drop-in of the guide, too, wherever the program is${note}`,
    async () => {
      await install();
      const units = [...MAIN, STANDBY, 'minutehandfailure@main.service'].map((unit) => unit.replace('@main', '@x'));
      expect(analyze('verify', ...units)).toEqual({ status: 0, printed: '' });
      const [, dropIn] = /^printf '(.*)' \|$/m.exec(readFileSync('docs/guides/OPERATE.md', 'utf8'))!;
      writeFileSync(at(`${UNITS}/minutehand-.service.d/60-latency.conf`), dropIn!.replaceAll('\\n', '\n'));
      expect(analyze('verify', ...units)).toEqual({ status: 0, printed: '' });
      change(`${UNITS}/minutehand-.service.d/10-common.conf`, 'NoNewPrivileges', 'NewPrivileges');
      expect(analyze('verify', ...units).printed).toMatch(/Unknown key.*'NewPrivileges'/);
    },
  );

  it.runIf(isAnalyzed)(`are exposed to others by 2 of 10 at most${note}`, async () => {
    await install();
    for (const unit of ['minutehand-daemon@main.service', 'minutehand-trainer.service']) {
      const evaluated = analyze('security', '--offline=true', '--threshold=20', '--no-pager', at(`${UNITS}/${unit}`));
      expect(evaluated.printed).toContain('Overall exposure level');
      expect(evaluated.status, evaluated.printed).toBe(0);
    }
  });
});
