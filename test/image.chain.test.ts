import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually } from './cli_process.ts';
import { skipNote } from './skip_note.ts';

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const missing = ['buildah', 'debootstrap', 'unshare'].filter((program) => !isThere(program));
const isRoot = process.getuid?.() === 0;
const canBuild = isRoot && missing.length === 0;
const WHY_NOT = isRoot ? `${missing.join(', ')}: not installed (Debian: apt-get install)` : 'building needs root';

vi.setConfig({ testTimeout: 900_000, hookTimeout: 1_800_000 });

/** The user that owns the volume, as in the Dockerfile. */
const USER = 10001;

/**
 * What a runtime of containers does with a read-only root, in a mount namespace: root of the image, folder of the
 * volume, then the command. Network and process numbers are the machine's, as the containers of one machine share them.
 */
const RUN = `set -eu
root=$1; home=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"; mount -o remount,ro,bind "$root"
mount -t tmpfs tmpfs "$root/tmp"; mount --rbind /dev "$root/dev"; mount -t proc proc "$root/proc"
mount --bind "$home" "$root/var/lib/minutehand"
exec chroot --userspec=${USER}:${USER} "$root" /usr/bin/env -i "$@"`;

function buildah(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('buildah', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`buildah ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

describe.runIf(canBuild)(`the images${skipNote(!canBuild, WHY_NOT)}`, () => {
  const containers: string[] = [];
  const children: ChildProcess[] = [];
  let home: string;

  beforeAll(() => {
    const built = spawnSync('node', ['bin/image.mjs', '--base', 'debian'], { encoding: 'utf8' });
    expect([built.status, built.stderr]).toEqual([0, expect.any(String)]);
    expect(built.stdout).toMatch(/^minutehand-daemon:\S+\nminutehand-trainer:\S+\n$/);
    home = mkdtempSync(join(tmpdir(), 'minutehand-volume-'));
    chownSync(home, USER, USER);
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    for (const container of containers) buildah('rm', container);
    if (home !== undefined) rmSync(home, { recursive: true });
  });

  /** Starts a container with what its image says: environment, entry point and command. */
  function start(kind: 'daemon' | 'trainer', env: Record<string, string>) {
    const container = buildah('from', `localhost/minutehand-${kind}:0.1.0`);
    containers.push(container);
    const root = buildah('mount', container);
    const { OCIv1 } = JSON.parse(buildah('inspect', container)) as {
      OCIv1: { config: { Env: string[]; Entrypoint: string[]; Cmd: string[]; User: string } };
    };
    const { Env, Entrypoint, Cmd, User } = OCIv1.config;
    expect(User).toBe(`${USER}:${USER}`);
    const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const args = ['--mount', 'sh', '-c', RUN, 'sh', root, home, ...Env, ...given, ...Entrypoint, ...Cmd];
    const startedMs = performance.now();
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += String(chunk)));
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const seconds = (): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
    /** Waits for a line, and reports how long after its start the container wrote it. */
    async function writes(line: string): Promise<void> {
      await eventually(
        () => output,
        () => output.includes(line),
        3,
      );
      process.stderr.write(`${kind} container: "${line}" after ${seconds()}\n`);
    }
    return { child, ended, output: () => output, writes, seconds };
  }

  const signals = () => {
    const folder = join(home, 'signals');
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { withFileTypes: true })
      .map((entry) => join(folder, entry.name, 'signal.json'))
      .filter(existsSync)
      .map((path) => JSON.parse(readFileSync(path, 'utf8')) as { mode: string; boot_id: string });
  };

  it('publish ten OK signals, take over after a kill, and end in order, with a read-only root', async () => {
    const env = { MINUTEHAND_DAEMON_PORT: '0', MINUTEHAND_TRAINER_PORT: '0' };
    const one = start('daemon', env);
    await one.writes('Daemon listens on 0.0.0.0:');
    const two = start('daemon', env);
    await two.writes('Standby: ');
    const trainer = start('trainer', env);
    await trainer.writes('Trainer listens on 0.0.0.0:');
    const isOk = ({ mode }: { mode: string }): boolean => mode === 'OK';
    await eventually(
      () => `${one.output()}${trainer.output()}`,
      () => signals().filter(isOk).length === 10,
      10,
    );
    process.stderr.write(`ten OK signals ${trainer.seconds()} after the start of the trainer's container\n`);
    const before = signals()[0]!.boot_id;

    one.child.kill('SIGKILL');
    await eventually(two.output, () => signals().every((signal) => isOk(signal) && signal.boot_id !== before), 3);
    const { port } = JSON.parse(readFileSync(join(home, 'daemon_main.json'), 'utf8')) as { port: number };
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);

    for (const { child } of [two, trainer]) child.kill('SIGTERM');
    expect([await two.ended, await trainer.ended]).toEqual([0, 0]);
    expect(`${two.output()}${trainer.output()}`).not.toMatch(/EROFS|EACCES/);
  });
});
