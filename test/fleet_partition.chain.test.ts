import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { NAMESPACES_NOTE, openNamespace, type MachineNetwork } from '../daemon/lease/machine_network.fixture.ts';
import {
  commandOf,
  createWorkplace,
  eventually,
  processTree,
  PROGRAM,
  startProgram,
  type Running,
  type Workplace,
} from './cli_process.ts';
import { modelHashes } from './model_hashes.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { S3_KEYS, startS3, type S3Server } from './s3_server.ts';
import { skipNote } from './skip_note.ts';
import { tinyBars } from './tiny_settings.ts';

vi.setConfig({ testTimeout: 1_500_000, hookTimeout: 120_000 });

const LEASE_MS = 3000;
/** Fits that take most of a training: many are left when the last event comes. */
const LONG = { rounds: 400, learning_rate: 0.01, leaves: 31, min_data_in_leaf: 5 };
const TRIALS = 3;
/** Only asked whether there is one. */
const asked = await startRedis();
await asked?.stop();
const notes = [NAMESPACES_NOTE, skipNote(asked === null, REDIS_NOTE)];
const note = notes.find((one) => one !== '');

/** A worker in its own network namespace, which is its only way to the queue and the blobs. */
interface Machine {
  readonly name: string;
  readonly network: MachineNetwork;
  readonly worker: Running;
}

describe.runIf(note === undefined)(`a fleet of three machines${note ?? ''}`, () => {
  let folder: string;
  let place: Workplace;
  let data: string;
  let redis: RedisServer;
  let s3: S3Server;
  const machines: Machine[] = [];

  const variables = (redisAt: string, s3At: string): NodeJS.ProcessEnv => ({
    ...S3_KEYS,
    MINUTEHAND_QUEUE: 'bullmq',
    MINUTEHAND_REDIS_URL: `redis://${redisAt}`,
    MINUTEHAND_BLOBS: `s3://fleet/blobs?region=us-east-1&endpoint=http://${s3At}`,
    MINUTEHAND_TEST_LEASE_MS: String(LEASE_MS),
    MINUTEHAND_CONFIG: place.config,
  });
  const ofTrainer = (): NodeJS.ProcessEnv => variables(`127.0.0.1:${redis.port}`, `127.0.0.1:${s3.port}`);

  const startQueue = async (port?: number): Promise<RedisServer> =>
    (await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'], port, join(folder, 'redis')))!;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-partition-'));
    mkdirSync(join(folder, 'redis'));
    place = createWorkplace({ minutehand: { train: { ai1: LONG, ai2: LONG, ai3: LONG } } });
    data = await place.writeBars('bars', tinyBars(place.settings));
    redis = await startQueue();
    s3 = await startS3(join(folder, 's3'), ['fleet']);
  });
  afterAll(async () => {
    for (const { worker, network } of machines) {
      worker.kill('SIGKILL'); // `ip netns exec` becomes the worker; nothing happens to one that has ended
      await worker.ended;
      await network.close();
    }
    await place.remove();
    await s3.stop();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function addMachine(name: string): Promise<Machine> {
    const network = await openNamespace({ redis: redis.port, lease: s3.port });
    const [program, ...through] = network.through;
    const args = [...through, process.execPath, PROGRAM, 'worker', '--slots', '1', '--name', name, '--priority', 'low'];
    const env = { ...process.env, NODE_OPTIONS: '', MINUTEHAND_HOME: join(folder, name) };
    const worker = startProgram(program!, args, folder, {
      ...env,
      ...variables(network.address.redis, network.address.lease),
    });
    const machine = { name, network, worker };
    machines.push(machine);
    await eventually(worker.stderr, () => worker.stdout().includes('slots'));
    return machine;
  }

  interface Training {
    readonly running: Running;
    /** Hashes of the models, and what the training said. */
    readonly trained: Promise<{ models: Record<string, string>; said: string }>;
    hasEnded: boolean;
  }
  function begin(out: string, env: NodeJS.ProcessEnv): Training {
    const target = join(folder, out);
    rmSync(join(place.home, 'cache', 'search'), { recursive: true, force: true });
    const args = ['train', '--data', data, '--trials', String(TRIALS), '--workers', '1'];
    const running = place.start([...args, '--out', target, '--json'], env);
    const trained = running.ended.then((code) => {
      training.hasEnded = true;
      expect(code, running.stderr()).toBe(0);
      const { version } = JSON.parse(running.stdout()) as { version: string };
      return { models: modelHashes(join(target, version)), said: running.stderr() };
    });
    // Whoever waits for something else meanwhile says what was missing.
    trained.catch(() => undefined);
    const training: Training = { running, trained, hasEnded: false };
    return training;
  }
  const train = (out: string, env: NodeJS.ProcessEnv): Training['trained'] => begin(out, env).trained;

  interface FleetState {
    readonly waiting: number;
    readonly running: number;
    readonly failed: number;
    readonly workers: readonly {
      readonly name: string;
      readonly done: number;
      readonly running: readonly unknown[];
      readonly silentMs: number;
    }[];
    readonly tasks: readonly { readonly totals: Readonly<Record<string, number>> }[];
  }
  async function state(): Promise<FleetState> {
    const { code, stdout, stderr } = await place.call(['fleet', '--json'], { env: ofTrainer() });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as FleetState;
  }
  const finished = ({ tasks }: FleetState): number => tasks.reduce((sum, { totals }) => sum + totals['finished']!, 0);
  const retried = ({ tasks }: FleetState): number => tasks.reduce((sum, { totals }) => sum + totals['retried']!, 0);

  /** Waits during a training, which says what it did should it end before. */
  function during<Found extends number | true>(
    training: Training,
    what: string,
    look: () => Found | false | undefined | Promise<Found | false>,
  ): Promise<Found> {
    return eventually(
      what,
      async () => {
        if (training.hasEnded) throw new Error(`the training ended before ${what}: ${training.running.stderr()}`);
        return await look();
      },
      5,
    );
  }

  const seenOf = async ({ name }: Machine): Promise<FleetState['workers'][number] | undefined> =>
    (await state()).workers.find((one) => one.name.startsWith(`${name}/`));

  /** Waits until a worker has a fit, by what it says from now on. */
  async function busy(training: Training, machine: Machine): Promise<void> {
    const sinceMs = performance.now();
    await during(training, `a fit at ${machine.name}`, async () => {
      const seen = await seenOf(machine);
      return seen !== undefined && seen.running.length > 0 && seen.silentMs < performance.now() - sinceMs;
    });
  }

  /**
   * Pauses a training that has put fits in. Its own thread is the fastest of all: what it has, and what waits, is left
   * to the machines.
   */
  async function pause(training: Training): Promise<void> {
    const hasFits = async (): Promise<boolean> => {
      const { waiting, running } = await state();
      return waiting + running > 0;
    };
    await during(training, 'a fit in the queue', async () => {
      if (!(await hasFits())) return false;
      training.running.kill('SIGSTOP');
      if (await hasFits()) return true;
      training.running.kill('SIGCONT');
      return false;
    });
  }

  const childOf = ({ worker }: Machine): number | undefined =>
    processTree(worker.pid).find((pid) => commandOf(pid).includes('task_child'));
  /**
   * Suspends the process that does the fits of a worker, once there is one: the fit that it has, or gets next, lasts
   * until that is undone. What happens then meets a fit, however fast or busy the machine is.
   * @returns undoes it
   */
  async function hold(training: Training, machine: Machine): Promise<() => void> {
    const child = await during(training, `a first fit at ${machine.name}`, () => childOf(machine));
    process.kill(child, 'SIGSTOP');
    return () => {
      try {
        process.kill(child, 'SIGCONT');
      } catch {
        // Its worker has lost the fit, and ended it.
      }
    };
  }

  it('trains the same models to the byte while one is killed, one is cut off, and Redis restarts and is read-only', async () => {
    const { models: expected } = await train('alone', {});
    expect(Object.keys(expected).length).toBeGreaterThan(2);
    const killed = await addMachine('killed');
    const cut = await addMachine('cut');
    await state(); // The first one starts a process, which takes long.
    const begunMs = Date.now();
    const training = begin('fleet', ofTrainer());
    const [releaseKilled] = await Promise.all([hold(training, killed), pause(training)]);
    await busy(training, killed);
    killed.worker.kill('SIGKILL');
    // It ends by itself.
    releaseKilled();
    await hold(training, cut);
    await busy(training, cut);
    cut.network.cut(['redis', 'lease'], 'silent');
    const steady = await addMachine('steady');
    await sleep(3 * LEASE_MS);
    await during(training, 'a fit that steady did', async () => ((await seenOf(steady))?.done ?? 0) > 0);

    const releaseSteady = await hold(training, steady);
    training.running.kill('SIGCONT');
    await pause(training);
    await busy(training, steady);
    training.running.kill('SIGCONT');
    const { port } = redis;
    await redis.kill();
    await sleep(2000);
    redis = await startQueue(port);
    cut.network.mend();
    // A primary that was demoted: it answers, and takes no writes.
    const admin = new Redis(redis.url);
    const replica = (await startRedis(['--replicaof', '127.0.0.1', String(port)]))!;
    await eventually('a replica', async () => (await admin.info('replication')).includes('state=online'));
    const heir = new Redis(replica.url);
    await heir.replicaof('NO', 'ONE');
    await admin.replicaof('127.0.0.1', replica.port);
    await sleep(LEASE_MS);
    expect(training.hasEnded).toBe(false);
    await admin.replicaof('NO', 'ONE');
    const mendedMs = performance.now();
    admin.disconnect();
    heir.disconnect();
    await replica.stop();
    releaseSteady();

    const { models, said } = await training.trained;
    expect(models).toEqual(expected);
    const after = await state();
    expect(after).toMatchObject({ waiting: 0, failed: 0 });
    // Those of the two machines at least: otherwise no event met a fit.
    expect(retried(after)).toBeGreaterThan(1);
    expect(said).toMatch(/steady\/\d+: [1-9]\d* fits? in/);
    console.log(
      `${finished(after)} fits done, ${retried(after)} begun again, ${Math.round((Date.now() - begunMs) / 1000)} s\n${said.match(/^.*: \d+ fits? in .*$/gm)?.join('\n')}`,
    );
    for (const one of [steady, cut])
      await eventually(
        `${one.name} again`,
        async () => ((await seenOf(one))?.silentMs ?? Infinity) < performance.now() - mendedMs,
      );
    steady.worker.kill('SIGTERM');
    expect(await steady.worker.ended).toBe(0);
    cut.worker.kill('SIGTERM');
    expect(await cut.worker.ended, cut.worker.stderr()).toBe(0);
    expect((await train('known', ofTrainer())).models).toEqual(expected);
  });
});
