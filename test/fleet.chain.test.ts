import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from '../shared/sha256.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { modelHashes } from './model_hashes.ts';
import { skipNote } from './skip_note.ts';
import { tinyBars } from './tiny_settings.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

const redis: RedisServer | null = await startRedis();
const note = skipNote(redis === null, REDIS_NOTE);

describe.runIf(redis !== null)(`a fleet${note}`, () => {
  let place: Workplace;
  let data: string;
  /** Of a training by threads alone. */
  let expected: Record<string, string>;
  const workers: Running[] = [];

  const env = (): NodeJS.ProcessEnv => ({
    MINUTEHAND_QUEUE: 'bullmq',
    MINUTEHAND_REDIS_URL: redis!.url,
    MINUTEHAND_BLOBS: join(place.folder, 'blobs'),
    MINUTEHAND_TEST_LEASE_MS: '3000',
  });

  beforeAll(async () => {
    place = createWorkplace();
    data = await place.writeBars('bars', tinyBars(place.settings));
    expected = await train('alone', {});
  });
  afterAll(async () => {
    for (const worker of workers) worker.kill('SIGKILL');
    await place?.remove();
    await redis!.stop();
  });

  /** @returns hashes of the models, and what it said */
  async function training(out: string, variables: NodeJS.ProcessEnv) {
    const folder = join(place.folder, out);
    // No cache of features or trials: only the fleet may know anything.
    rmSync(join(place.home, 'cache', 'search'), { recursive: true, force: true });
    const args = ['train', '--data', data, '--trials', '3', '--workers', '1', '--out', folder, '--json'];
    const { code, stdout, stderr } = await place.run(args, { env: variables });
    expect(code, stderr).toBe(0);
    const { version } = JSON.parse(stdout) as { version: string };
    return { models: modelHashes(join(folder, version)), stderr };
  }
  const train = async (out: string, variables: NodeJS.ProcessEnv): Promise<Record<string, string>> =>
    (await training(out, variables)).models;

  async function startWorker(name: string): Promise<Running> {
    const worker = place.start(['worker', '--slots', '1', '--name', name, '--priority', 'low'], env());
    workers.push(worker);
    await eventually(worker.stderr, () => worker.stdout().includes('slots'));
    return worker;
  }

  interface FleetState {
    readonly waiting: number;
    readonly running: number;
    readonly failed: number;
    readonly workers: readonly { readonly name: string; readonly done: number }[];
  }
  async function state(): Promise<FleetState> {
    const { code, stdout, stderr } = await place.call(['fleet', '--json'], { env: env() });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as FleetState;
  }

  it('trains the same models to the byte, with a worker killed and one paused; then knows them', async () => {
    const steady = await startWorker('steady');
    const killed = await startWorker('killed');
    const paused = await startWorker('paused');
    const trained = train('fleet', env());
    await eventually(steady.stderr, async () => ((await state()).running > 1 ? true : undefined));
    killed.kill('SIGKILL');
    paused.kill('SIGSTOP');
    expect(await trained).toEqual(expected);
    paused.kill('SIGCONT');
    // Where its fits were done.
    const traces = join(place.home, 'cache', 'fleet_traces');
    const [file, ...others] = readdirSync(traces);
    expect(others).toEqual([]);
    const trace = readFileSync(join(traces, file!), 'utf8');
    for (const maker of [/"name":"steady\/\d+"/, /"name":"[^"]+\/training \d+"/]) expect(trace).toMatch(maker);

    const again = await place.run(['fleet'], { env: env() });
    expect(again.stdout).toMatch(/Tasks {3}0 waiting, \d running, 0 failed/);
    expect(again.stdout).toMatch(/Worker {2}steady\/\d+: 1 slots, \d+ done/);
    // Nothing is left to do: the results are there.
    steady.kill('SIGTERM');
    expect(await steady.ended).toBe(0);
    expect(steady.stdout()).toMatch(/[1-9]\d* tasks done\./);
    paused.kill('SIGTERM');
    expect(await paused.ended).toBe(0);
    expect(await train('known', env())).toEqual(expected);
    expect((await state()).waiting).toBe(0);
  });

  it('refuses a worker of another build, a fleet without a queue, and one without blobs', async () => {
    const other = createHash('sha256').update('other').digest('hex');
    const client = new Redis(redis!.url);
    const leader = JSON.parse((await client.get('minutehand:fleet:leader'))!) as object;
    await client.set('minutehand:fleet:leader', JSON.stringify({ ...leader, code: other }));
    const refused = await place.run(['worker', '--slots', '1'], { env: env() });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^FLEET_MISMATCH/) as string });
    await client.set('minutehand:fleet:leader', JSON.stringify(leader));
    client.disconnect();
    const without = await place.runEach([['worker'], ['fleet']]);
    for (const { code, stderr } of without) {
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/^FLEET_ABSENT/);
    }
    const { code, stderr } = await place.run(['fleet'], { env: { ...env(), MINUTEHAND_BLOBS: '' } });
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining('MINUTEHAND_BLOBS is not set')]);
    expect(code).not.toBe(0);
  });

  it('makes again what is damaged, and says so, and what is not there', async () => {
    const folder = join(place.folder, 'blobs', 'results');
    const [first] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
    const { hash } = JSON.parse(readFileSync(join(folder, first!), 'utf8')) as { hash: string };
    const path = join(place.folder, 'blobs', 'blobs', hash.slice(0, 2), hash);
    writeFileSync(path, 'damaged');
    const { models, stderr } = await training('damaged', env());
    expect(models).toEqual(expected);
    expect(stderr).toMatch(new RegExp(`^BLOB_DAMAGED: .*${hash}.* Made by .+; it is dropped and made again\\.$`, 'm'));
    expect(sha256Hex(readFileSync(path))).toBe(hash);
    rmSync(path);
    expect(await train('made again', env())).toEqual(expected);
    rmSync(join(place.folder, 'blobs'), { recursive: true });
    expect(await train('all made again', env())).toEqual(expected);
  });
});
