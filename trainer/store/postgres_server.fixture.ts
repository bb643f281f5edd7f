import { spawn, spawnSync, type ChildProcess, type SpawnSyncOptions } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { packageRoot } from '../../shared/root.ts';

/** A real PostgreSQL server for one test file, in a temporary folder, on 127.0.0.1. */
export interface PostgresServer {
  readonly port: number;
  /** Creates an empty database. @returns its URL */
  createDatabase(): Promise<string>;
  /** Suspends its processes: connections stay open without answers. */
  pause(): void;
  resume(): void;
  /** Ends all sessions, and restarts on its port with its data. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

const DEBIAN = '/usr/lib/postgresql';
const START_MS = 30_000;

/**
 * Starts a PostgreSQL server on a free port.
 * @returns null when it is not installed, so that a test can skip itself with a reason.
 * @throws Error when it is not installed and `CI` set: there, skipping would hide a gap.
 */
export async function startPostgres(): Promise<PostgresServer | null> {
  const programs = postgresPrograms();
  if (programs === null) {
    if (process.env['CI'])
      throw new Error(
        'PostgreSQL is not installed; in CI these tests must run. Install it (Debian: apt-get install postgresql).',
      );
    return null;
  }
  // Between finding a free port and listening on it another process may take it.
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(programs, await freePort());
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** For a test title: why it was skipped. */
export const POSTGRES_NOTE = postgresPrograms() === null ? ' (skipped: PostgreSQL is not installed)' : '';

/** The folder of `initdb` and `postgres`: in the path, or Debian's folder of the newest version. */
function postgresPrograms(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  // Wine has the files of Linux, too, and starts none of its programs.
  if (process.platform !== 'win32' && existsSync(DEBIAN)) {
    const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
    folders.push(...versions.map((version) => join(DEBIAN, version, 'bin')));
  }
  const ending = process.platform === 'win32' ? '.exe' : '';
  const isThere = (folder: string, name: string): boolean => existsSync(join(folder, `${name}${ending}`));
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => isThere(folder, name))) ?? null;
}

async function launch(programs: string, port: number): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-postgres-'));
  const as = serverUser();
  if (as !== null) chownSync(folder, as.uid, as.gid);
  const options = { ...as, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };
  const data = join(folder, 'data');
  const made = makeCluster(programs, data, options);
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'off',
    shared_buffers: '32MB',
    max_connections: '30',
    max_wal_size: '256MB',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let output = made;
  const run = (): ChildProcess => {
    const server = spawn(join(programs, 'postgres'), ['-D', data, ...args], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    server.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    server.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return server;
  };
  let child = run();
  // SIGINT ends sessions and the server; SIGQUIT ends it at once, when this process must exit.
  const endAtOnce = (): void => void child.kill('SIGQUIT');
  process.once('exit', endAtOnce);
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    signalAll('SIGCONT');
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    await exited;
  };
  /** Each session has its own process. */
  const signalAll = (signal: NodeJS.Signals): void => {
    const sessions = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(/ +/);
    for (const pid of [child.pid!, ...sessions.map(Number)].filter((id) => id > 0)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended.
      }
    }
  };
  const stop = async (): Promise<void> => {
    process.off('exit', endAtOnce);
    await end();
    rmSync(folder, { recursive: true, force: true });
  };

  const address = (database: string): string => `postgres://minutehand@127.0.0.1:${port}/${database}`;
  const started = async (): Promise<void> => {
    const deadlineMs = performance.now() + START_MS;
    while (!(await runs(address('postgres'), 'SELECT 1'))) {
      if (child.exitCode !== null || performance.now() > deadlineMs) {
        await stop();
        throw new Error(`PostgreSQL did not start on port ${port}:\n${output}`);
      }
      await sleep(50);
    }
  };
  await started();
  let databases = 0;
  return {
    port,
    async createDatabase() {
      const name = `test_${++databases}`;
      if (!(await runs(address('postgres'), `CREATE DATABASE ${name}`))) throw new Error(`no database: ${output}`);
      return address(name);
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    async restart() {
      await end();
      child = run();
      await started();
    },
    stop,
  };
}

/**
 * Makes the first data folder with initdb, which takes a second of processor time, and copies it for the others.
 * @returns what initdb said of its faults
 */
function makeCluster(programs: string, data: string, options: SpawnSyncOptions): string {
  const cache = join(packageRoot(), 'node_modules', '.cache');
  const version = statSync(join(programs, 'initdb')).mtimeMs;
  const template = join(cache, `postgres${programs.replaceAll('/', '-')}-${version}`);
  if (existsSync(template) && spawnSync('cp', ['-a', template, data]).status === 0) return '';
  const args = ['-U', 'minutehand', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  const { status, stderr } = spawnSync(join(programs, 'initdb'), ['-D', data, ...args], options);
  const half = `${template}.${process.pid}`;
  mkdirSync(cache, { recursive: true });
  if (status === 0 && spawnSync('cp', ['-a', data, half]).status === 0 && !existsSync(template)) {
    try {
      renameSync(half, template);
    } catch {
      // Another process was faster.
    }
  }
  rmSync(half, { recursive: true, force: true });
  return String(stderr);
}

async function runs(url: string, statement: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(statement);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** PostgreSQL refuses to run as root: then the user of its package runs it. */
function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('postgres:'));
  if (line === undefined) throw new Error('there is no user postgres, and PostgreSQL does not run as root');
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
