import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MinutehandError } from '../../shared/errors.ts';
import { packageRoot } from '../../shared/root.ts';
import { atExit } from '../exit_work.ts';
import { openTemporaryFolder } from '../temporary_folder.ts';

const END_GRACE_MS = 5000;
const START_TIMEOUT_MS = 120_000;

/** A helper process of the bench. It ends with the bench, however that ends. */
export interface Helper {
  readonly pid: number;
  /** Resolves when it has ended, for any reason. */
  readonly ended: Promise<void>;
  send(message: object): void;
  /** The next message for which `wanted` is true. @throws Error if the process ends first, or after two minutes */
  next<T extends object>(wanted: (message: Partial<T>) => boolean): Promise<T>;
  onMessage(listener: (message: object) => void): void;
  /** SIGTERM, then SIGKILL if necessary. */
  end(): Promise<void>;
}

/**
 * Starts one of the programs in this folder.
 * @param name `daemon`, `null_daemon` or `listener`; `argument` is passed as JSON
 * @param flags of Node
 */
export function startHelper(name: string, argument: object, flags: readonly string[] = []): Helper {
  const child = fork(programPath(name), [JSON.stringify(argument)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [...flags],
    serialization: 'json',
  });
  const end = endOf(child);
  return {
    pid: child.pid!,
    ended: new Promise((resolve) => child.once('exit', () => resolve())),
    send: (message) => void child.send(message),
    onMessage: (listener) => void child.on('message', listener),
    next<T extends object>(wanted: (message: Partial<T>) => boolean) {
      return new Promise<T>((resolve, reject) => {
        const done = (): void => {
          clearTimeout(timer);
          child.off('message', take).off('exit', fail);
        };
        const take = (message: object): void => {
          if (!wanted(message as Partial<T>)) return;
          done();
          resolve(message as T);
        };
        const fail = (): void => {
          done();
          reject(new Error(`the ${name} process of the bench ended (${child.exitCode ?? child.signalCode})`));
        };
        const timer = setTimeout(() => {
          done();
          reject(new Error(`the ${name} process of the bench does not answer`));
        }, START_TIMEOUT_MS);
        if (child.exitCode !== null || child.signalCode !== null) return fail();
        child.on('message', take).once('exit', fail);
      });
    },
    end,
  };
}

/** Programs run from the build, also for tests that run from the sources. */
function programPath(name: string): string {
  const file = `${name}_program.js`;
  return import.meta.url.endsWith('.ts')
    ? join(packageRoot(), 'dist', 'bench', 'end_to_end', file)
    : fileURLToPath(new URL(`./${file}`, import.meta.url));
}

/** Ends this process, and ensures that it does not outlive the bench. */
function endOf(child: ChildProcess): () => Promise<void> {
  const killNow = (): void => void child.kill('SIGKILL');
  const takeBack = atExit(killNow);
  child.once('exit', takeBack);
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    const timer = setTimeout(killNow, END_GRACE_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
  };
}

export interface RedisHelper {
  readonly url: string;
  end(): Promise<void>;
}

/**
 * A separate Redis server on a free port, without persistence.
 * @returns null when `redis-server` is not installed
 */
export async function startRedis(): Promise<RedisHelper | null> {
  const folder = openTemporaryFolder('redis');
  const port = await freePort();
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder.path,
  ];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const stop = endOf(child);
  const end = async (): Promise<void> => {
    await stop();
    folder.remove();
  };
  // `once` rejects at an error.
  const started = await once(child, 'spawn').then(
    () => true,
    () => false,
  );
  if (!started) {
    folder.remove();
    return null;
  }
  for (let attempt = 0; !(await answersPing(port)); attempt++) {
    if (attempt < 200 && child.exitCode === null) continue;
    await end();
    throw new MinutehandError('PUBLISH_REDIS', { seen: `redis-server on port ${port} does not answer` });
  }
  return { url: `redis://127.0.0.1:${port}`, end };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (answer: boolean): void => {
      socket.destroy();
      setTimeout(() => resolve(answer), answer ? 0 : 25);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('error', () => finish(false));
    socket.once('data', (data) => finish(data.toString('latin1').startsWith('+PONG')));
    socket.setTimeout(500, () => finish(false));
  });
}
