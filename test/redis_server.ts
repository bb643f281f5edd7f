import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real, separate Redis server without persistence, on 127.0.0.1. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Its data folder, removed at the end unless given. */
  readonly folder: string;
  /** Stops it gracefully (also when paused) and removes its folder. */
  stop(): Promise<void>;
  /** Kills it, like a crash. */
  kill(): Promise<void>;
  /** Suspends its process: connections stay open without replies. */
  pause(): void;
  resume(): void;
}

/**
 * Starts `redis-server` on a free port, or on `port`, with extra command-line arguments such as `['--maxmemory',
 * '2mb']`. Resolves when it replies, even if it requires a password or is still loading.
 *
 * @param folder data folder of the caller, with data to load; otherwise a new one
 * @returns null when the program is not installed, so that a test can skip itself with a reason
 * @throws Error when it is not installed and `CI` is set: there, skipping would hide a gap
 */
export async function startRedis(
  args: readonly string[] = [],
  port?: number,
  folder?: string,
): Promise<RedisServer | null> {
  if (spawnSync('redis-server', ['--version']).error) {
    if (process.env['CI']) {
      throw new Error(
        'redis-server is not in PATH; in CI these tests must run. Install it (Debian: apt-get install redis-server).',
      );
    }
    return null;
  }
  if (port !== undefined) return launch(args, port, folder);
  // Another process may take the free port before the server listens.
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(args, await freePort(), folder);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

export const REDIS_NOTE = 'redis-server is not installed (Debian: apt-get install redis-server)';

/**
 * As `startRedis`; if the program is not installed, the test is skipped with that reason, and fails when `CI` is set.
 * @param context of the test, whose `skip` throws
 */
export async function requireRedis(
  context: { skip(note: string): never },
  ...options: Parameters<typeof startRedis>
): Promise<RedisServer> {
  return (await startRedis(...options)) ?? context.skip(REDIS_NOTE);
}

/** A port of 127.0.0.1 that has no listener now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function launch(args: readonly string[], port: number, givenFolder: string | undefined): Promise<RedisServer> {
  const folder = givenFolder ?? mkdtempSync(join(tmpdir(), 'minutehand-redis-'));
  const standard = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', [...standard, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killOnExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killOnExit);

  async function end(signal: NodeJS.Signals): Promise<void> {
    process.off('exit', killOnExit);
    child.kill('SIGCONT');
    child.kill(signal);
    await exited;
    if (givenFolder === undefined) rmSync(folder, { recursive: true, force: true });
  }

  const deadlineMs = performance.now() + 30_000;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      await end('SIGKILL');
      throw new Error(`redis-server did not start on port ${port}:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    folder,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(500, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('data', (data) => finish(/^(\+PONG|-NOAUTH|-LOADING)/.test(data.toString())));
  });
}
