import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis_server.ts';

const SSHD = '/usr/sbin/sshd';
const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

export const SSH_NOTE = 'openssh-server is not installed (Debian: apt-get install openssh-server openssh-client)';

/** Whether tests with an SSH server can run. @throws Error when they cannot and `CI` is set */
export function hasSshServer(): boolean {
  const isThere = existsSync(SSHD) && existsSync(SFTP_SERVER) && !spawnSync('ssh-keygen', ['-?']).error;
  if (!isThere && process.env['CI']) throw new Error(`In CI these tests must run: ${SSH_NOTE}.`);
  return isThere;
}

/** Debian's OpenSSH server on 127.0.0.1, with generated host and client keys. */
export interface SshServer {
  readonly port: number;
  readonly user: string;
  /** Folder for what is sent. */
  readonly folder: string;
  readonly hostKey: string;
  /** Text of the private key that it accepts. */
  readonly privateKey: string;
  stop(): Promise<void>;
}

/** A new Ed25519 key. @returns texts of the private and the public part, and the fingerprint */
export function makeSshKey(path: string): { privateKey: string; publicKey: string; print: string } {
  run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path]);
  const print = run('ssh-keygen', ['-lf', `${path}.pub`]).split(' ')[1]!;
  return { privateKey: readFileSync(path, 'utf8'), publicKey: readFileSync(`${path}.pub`, 'utf8'), print };
}

/** @param refused requests that its SFTP part denies, such as `posix-rename`; it does not offer them then */
export async function startSsh(refused: readonly string[] = []): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-ssh-'));
  const host = makeSshKey(join(folder, 'host'));
  const client = makeSshKey(join(folder, 'client'));
  writeFileSync(join(folder, 'authorized_keys'), client.publicKey);
  // It drops its privileges in a folder that must exist.
  if (process.getuid?.() === 0) run('mkdir', ['-p', '/run/sshd']);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const configuration = join(folder, 'sshd_config');
    writeFileSync(configuration, configurationText(folder, port, refused));
    const stop = await launch(configuration, port, folder);
    if (stop === null && attempt < 3) continue;
    if (stop === null) throw new Error(`sshd did not start:\n${readFileSync(join(folder, 'log'), 'utf8')}`);
    const { username: user } = userInfo();
    return { port, user, folder: join(folder, 'far'), hostKey: host.print, privateKey: client.privateKey, stop };
  }
}

function configurationText(folder: string, port: number, refused: readonly string[]): string {
  const denied = refused.length === 0 ? '' : ` -P ${refused.join(',')}`;
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    `PidFile ${join(folder, 'pid')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'MaxStartups 100',
    `Subsystem sftp ${SFTP_SERVER}${denied}`,
    '',
  ].join('\n');
}

async function launch(configuration: string, port: number, folder: string): Promise<(() => Promise<void>) | null> {
  const child = spawn(SSHD, ['-D', '-f', configuration, '-E', join(folder, 'log')], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killOnExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killOnExit);
  const deadlineMs = performance.now() + 30_000;
  while (!(await greets(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      child.kill('SIGKILL');
      return null;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return async () => {
    process.off('exit', killOnExit);
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('data', (data) => finish(data.toString().startsWith('SSH-2.0')));
  });
}

/** A TCP proxy that cuts connections. */
export interface CuttingProxy {
  readonly port: number;
  /** The next connection ends after so many bytes from the client; null: none is cut. */
  cutAfter(bytes: number | null): void;
  stop(): Promise<void>;
}

export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  let limit: number | null = null;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    let left = limit ?? Infinity;
    const far = connect(targetPort, '127.0.0.1');
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        open.delete(socket);
        end();
      });
    }
    near.on('data', (bytes) => {
      if (bytes.length < left) {
        left -= bytes.length;
        far.write(bytes);
        return;
      }
      // What was sent before the cut arrives, the rest does not.
      far.write(bytes.subarray(0, left), end);
      left = 0;
    });
    far.on('data', (bytes) => near.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cutAfter: (bytes) => void (limit = bytes),
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
