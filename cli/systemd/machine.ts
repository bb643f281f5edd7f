import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import { COMPILED_PROGRAM } from '../../shared/launcher.ts';
import { isSupportedNode, NODE_MAJOR } from '../../shared/node_version.ts';
import type { Target } from './installation.ts';
import { outsideEnvironment } from '../../shared/secrets.ts';

const READ_BY_ALL = 0o004;
const ENTERED_BY_ALL = 0o001;

/** The interface of a command to the machine; the real one, or another in tests. */
export interface Machine {
  /** Root of its files: `/`. */
  readonly root: string;
  readonly platform: NodeJS.Platform;
  /** Folders that a service of ours does not see: ProtectHome and PrivateTmp in systemd/. */
  readonly hidden: readonly string[];
  /** Of this process; undefined where there are none. */
  readonly uid: number | undefined;
  /** Windows: `DOMAIN\\name` of who runs this; elsewhere the name alone. */
  readonly user: string;
  /** Whether systemd runs this machine. */
  readonly isBooted: boolean;
  /** Runs a program to its end. @returns its exit code (null: it could not be started) and its output */
  run(program: string, args: readonly string[]): { code: number | null; stdout: string; stderr: string };
}

export const THIS_MACHINE: Machine = {
  root: '/',
  platform: process.platform,
  hidden: ['/home', '/root', '/run/user', '/tmp', '/var/tmp'],
  uid: process.getuid?.(),
  user: [process.env['USERDOMAIN'], userInfo().username].filter(Boolean).join('\\'),
  // Source: sd_booted(3).
  isBooted: existsSync('/run/systemd/system'),
  run(program, args) {
    const { status, stdout, stderr, error } = spawnSync(program, [...args], {
      encoding: 'utf8',
      env: outsideEnvironment(),
    });
    return { code: status, stdout: stdout ?? '', stderr: error === undefined ? stderr : error.message };
  },
};

/** @throws MinutehandError SERVICE_UNSUPPORTED, SERVICE_RIGHTS */
export function requireSystemd(machine: Machine): void {
  if (machine.platform !== 'linux' || !machine.isBooted)
    throw new MinutehandError('SERVICE_UNSUPPORTED', {
      seen: machine.platform === 'linux' ? 'no /run/systemd/system' : machine.platform,
    });
}

/** @throws MinutehandError SERVICE_RIGHTS */
export function requireRoot({ uid }: Machine): void {
  if (uid !== 0) throw new MinutehandError('SERVICE_RIGHTS', { seen: `user id ${uid}`, expected: '0' });
}

/** @param next step when it fails @throws MinutehandError SERVICE_COMMAND when it fails */
export function runOrThrow(machine: Machine, program: string, args: readonly string[], next?: string): string {
  const { code, stdout, stderr } = machine.run(program, args);
  if (code === 0) return stdout;
  const output = stderr.trim() === '' ? `exit code ${code}` : stderr.trim().split('\n').at(-1)!;
  throw new MinutehandError('SERVICE_COMMAND', {
    seen: `${program} ${args.join(' ')}: ${output}`,
    ...(next !== undefined && { next }),
  });
}

/**
 * Program and node must be where a service may read them. For another machine only their places can be checked.
 * @throws MinutehandError SERVICE_PLACE
 */
export function requireReadable(
  { hidden }: Machine,
  { node, program }: Pick<Target, 'node' | 'program'>,
  isHere: boolean,
): void {
  const paths = [node, join(program, COMPILED_PROGRAM), join(program, 'node_modules')];
  for (const path of isHere ? paths.map(realPath) : paths) {
    if (hidden.some((folder) => path.startsWith(`${folder}/`)))
      throw new MinutehandError('SERVICE_PLACE', { seen: path, expected: `not below ${hidden.join(', ')}` });
    const closed = isHere ? closedPart(path) : null;
    if (closed !== null)
      throw new MinutehandError('SERVICE_PLACE', { seen: path, expected: `${closed} readable for all users` });
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new MinutehandError('SERVICE_PLACE', { seen: `${path} does not exist`, cause });
  }
}

/** @throws MinutehandError NODE_UNSUPPORTED when the Node of a service is another one */
export function requireNode(machine: Machine, node: string): void {
  const { code, stdout, stderr } = machine.run(node, ['--version']);
  if (code === 0 && isSupportedNode(stdout)) return;
  throw new MinutehandError('NODE_UNSUPPORTED', {
    seen: `${node}: ${code === 0 ? stdout.trim() : stderr.trim().split('\n')[0]}`,
    expected: `Node ${NODE_MAJOR}`,
    next: `Give a Node ${NODE_MAJOR} by --node.`,
  });
}

/** The part of a path that other users may not read or enter. */
function closedPart(path: string): string | null {
  if ((statSync(path).mode & READ_BY_ALL) === 0) return path;
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder))
    if ((statSync(folder).mode & ENTERED_BY_ALL) === 0) return folder;
  return null;
}
