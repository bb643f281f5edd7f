import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { NAMESPACES_NOTE, openNamespace, type MachineNetwork } from '../daemon/lease/machine_network.fixture.ts';
import { createWorkplace, eventually, PROGRAM, startProgram, type Running, type Workplace } from './cli_process.ts';
import { modelHashes } from './model_hashes.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { S3_KEYS, startS3, type S3Server } from './s3_server.ts';
import { skipNote } from './skip_note.ts';
import { tinyBars } from './tiny_settings.ts';

vi.setConfig({ testTimeout: 1_500_000, hookTimeout: 120_000 });

const LEASE_MS = 3000;
/** Fits that take most of a training, and so long that each event meets some of them. */
const LONG = { rounds: 600, learning_rate: 0.01, leaves: 31, min_data_in_leaf: 5 };
const TRIALS = 3;
/** Only asked whether there is one. */
const asked = await startRedis();
await asked?.stop();
const notes = [NAMESPACES_NOTE, skipNote(asked === null, REDIS_NOTE)];
const note = notes.find((one) => one !== '');

/** A worker in its own network namespace, which is its only way to the queue and the blobs. */
interface Machine {
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
    const machine = { network, worker };
    machines.push(machine);
    await eventually(worker.stderr, () => worker.stdout().includes('slots'));
    return machine;
  }

  /** @returns hashes of the models, and what the training said */
  async function train(out: string, env: NodeJS.ProcessEnv) {
    const target = join(folder, out);
    rmSync(join(place.home, 'cache', 'search'), { recursive: true, force: true });
    const args = ['train', '--data', data, '--trials', String(TRIALS), '--workers', '1'];
    const { code, stdout, stderr } = await place.run([...args, '--out', target, '--json'], { env });
    expect(code, stderr).toBe(0);
    const { version } = JSON.parse(stdout) as { version: string };
    return { models: modelHashes(join(target, version)), said: stderr };
  }

  interface FleetState {
    readonly waiting: number;
    readonly running: number;
    readonly failed: number;
    readonly workers: readonly { readonly name: string; readonly done: number; readonly running: readonly unknown[] }[];
    readonly tasks: readonly { readonly totals: Readonly<Record<string, number>> }[];
  }
  async function state(): Promise<FleetState> {
    const { code, stdout, stderr } = await place.call(['fleet', '--json'], { env: ofTrainer() });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as FleetState;
  }
  const finished = ({ tasks }: FleetState): number => tasks.reduce((sum, { totals }) => sum + totals['finished']!, 0);
  const retried = ({ tasks }: FleetState): number => tasks.reduce((sum, { totals }) => sum + totals['retried']!, 0);

  it('trains the same models to the byte while one is killed, one is cut off, and Redis restarts and is read-only', async () => {
    const { models: expected } = await train('alone', {});
    expect(Object.keys(expected).length).toBeGreaterThan(2);
    const steady = await addMachine('steady');
    const killed = await addMachine('killed');
    const cut = await addMachine('cut');
    const begunMs = Date.now();
    const training = train('fleet', ofTrainer());
    const busy = (name: string) =>
      eventually(
        () => `a fit at ${name}`,
        async () => (await state()).workers.some((one) => one.name.startsWith(name) && one.running.length > 0),
        5,
      );
    await busy('killed');
    killed.worker.kill('SIGKILL');
    await busy('cut');
    cut.network.cut(['redis', 'lease'], 'silent');
    await sleep(3 * LEASE_MS);
    cut.network.mend();

    const { port } = redis;
    await redis.kill();
    await sleep(2000);
    redis = await startQueue(port);
    await busy('steady');
    // A primary that was demoted: it answers, and takes no writes.
    const admin = new Redis(redis.url);
    const replica = (await startRedis(['--replicaof', '127.0.0.1', String(port)]))!;
    await eventually('a replica', async () => (await admin.info('replication')).includes('state=online'));
    const heir = new Redis(replica.url);
    await heir.replicaof('NO', 'ONE');
    await admin.replicaof('127.0.0.1', replica.port);
    await sleep(LEASE_MS);
    await admin.replicaof('NO', 'ONE');
    admin.disconnect();
    heir.disconnect();
    await replica.stop();

    const { models, said } = await training;
    expect(models).toEqual(expected);
    const after = await state();
    expect(after).toMatchObject({ waiting: 0, failed: 0 });
    // Otherwise no event met a fit.
    expect(retried(after)).toBeGreaterThan(0);
    expect(said).toMatch(/steady\/\d+: [1-9]\d* fits? in/);
    console.log(
      `${finished(after)} fits done, ${retried(after)} begun again, ${Math.round((Date.now() - begunMs) / 1000)} s\n${said.match(/^.*: \d+ fits? in .*$/gm)?.join('\n')}`,
    );
    steady.worker.kill('SIGTERM');
    expect(await steady.worker.ended).toBe(0);
    cut.worker.kill('SIGTERM');
    expect(await cut.worker.ended, cut.worker.stderr()).toBe(0);
    expect((await train('known', ofTrainer())).models).toEqual(expected);
  });
});
