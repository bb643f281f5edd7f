import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { announceMachine } from '../trainer/control/fleet/announcer.ts';
import type { SeenInstallation } from '../trainer/jobs/fleet/installation.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 120_000 });

const first = await startRedis();

describe.runIf(first !== null)(`a machine without a trainer${skipNote(first === null, REDIS_NOTE)}`, () => {
  /** A daemon and no trainer; and another machine. */
  let place: Workplace;
  let other: Workplace;
  let redis: RedisServer;
  let blobs: string;
  const env = () => ({
    MINUTEHAND_QUEUE: 'bullmq',
    MINUTEHAND_REDIS_URL: redis.url,
    MINUTEHAND_BLOBS: blobs,
  });
  beforeAll(() => {
    place = createWorkplace();
    other = createWorkplace();
    blobs = join(place.folder, 'blobs');
    redis = first!;
  });
  afterAll(async () => {
    await place.remove();
    await other.remove();
    await redis.stop();
  });

  async function machines(): Promise<readonly SeenInstallation[]> {
    const { code, stdout, stderr } = await other.call(['fleet', '--json'], { env: env() });
    expect(code, stderr).toBe(0);
    return (JSON.parse(stdout) as { readonly installations: readonly SeenInstallation[] }).installations;
  }

  it('tells its fleet of its daemon, until it is asked to end', async () => {
    const daemon = place.start(['daemon']);
    await eventually(daemon.stderr, () => existsSync(join(place.home, 'daemon_main.json')) || undefined);
    expect(await machines()).toEqual([]);
    const announcing = place.start(['fleet', 'announce'], env());
    const seen = await eventually(announcing.stderr, async () => {
      const all = await machines();
      return all.length > 0 ? all : undefined;
    });
    expect(seen).toMatchObject([{ hasTrainer: false, daemons: [{ shard: 'main', presence: 'up', role: 'active' }] }]);
    expect((await other.call(['fleet'], { env: env() })).stdout).toMatch(
      /^Machine \S+: no trainer, simulated market, .*\n.*\nDaemon {2}main: active, /m,
    );
    announcing.kill('SIGTERM');
    expect(await announcing.ended).toBe(0);
    expect(announcing.stdout()).toContain('Ended: SIGTERM. Said 1 time.');
  });

  it('says once that the queue is away, and once that it is back', async () => {
    const lines: string[] = [];
    const ending = new AbortController();
    const announcing = announceMachine(
      {
        settings: () => loadSettings({ env: { MINUTEHAND_CONFIG: place.config, ...env() } }),
        paths: homePaths({ MINUTEHAND_HOME: place.home }),
        env: { ...process.env, ...env() },
        everyMs: 100,
        note: (line) => void lines.push(line),
      },
      ending.signal,
    );
    await eventually(
      () => lines.join('\n'),
      async () => (await machines()).length > 0 || undefined,
    );
    await redis.kill();
    await eventually(
      () => lines.join('\n'),
      () => lines.length > 0 || undefined,
    );
    redis = (await startRedis([], redis.port))!;
    await eventually(
      () => lines.join('\n'),
      () => lines.length > 1 || undefined,
    );
    ending.abort();
    expect(await announcing).toBeGreaterThan(0);
    expect(lines).toEqual([
      expect.stringMatching(/^QUEUE_UNREACHABLE: /) as string,
      'The fleet hears of this machine again.',
    ]);
  });

  it('without a fleet is told how to have one', async () => {
    const { code, stderr } = await place.call(['fleet', 'announce'], { env: { MINUTEHAND_QUEUE: '' } });
    expect(code).not.toBe(0);
    expect(stderr).toContain('FLEET_ABSENT');
  });
});
