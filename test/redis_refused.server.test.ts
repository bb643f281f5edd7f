import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { tinySettings, tinyModels } from './tiny_models.ts';

const RIGHTS = ['~minutehand:*', '&minutehand:*', '+publish', '+set', '+xadd', '+eval', '+info'];

let redis: RedisServer | null;
let admin: Redis;
let place: Workplace;
let daemon: Running;
beforeAll(async () => {
  redis = await startRedis();
  if (redis === null) return;
  admin = new Redis(redis.url);
  await admin.call('ACL', 'SETUSER', 'feeder', 'on', '>pass', ...RIGHTS, '-xadd');
  const url = redis.url.replace('//', '//feeder:pass@');
  place = createWorkplace({ minutehand: { transports: { redis: { enabled: 'auto', url } } } });
  activate(place.models, (await tinyModels(place.models, { settings: tinySettings() })).version);
  daemon = place.start(['daemon']);
}, 60_000);
afterAll(async () => {
  await place?.remove();
  admin?.disconnect();
  await redis?.stop();
});

interface Seen {
  readonly ok: boolean;
  readonly daemons: { health: { redis: string; redis_missed: number; degradations: string[] } | null }[];
  readonly findings: { text: string; next: string }[];
}
const status = async (): Promise<Seen> => JSON.parse((await place.run(['status', '--json'])).stdout) as Seen;
const saidOf = ({ daemons }: Seen) => daemons[0]!.health;

it(
  'a Redis that refuses one command is shown by status, doctor and one console line, and so is its recovery',
  { timeout: 120_000 },
  async ({ skip }) => {
    if (redis === null) return skip(REDIS_NOTE);
    // Health shows the link at once, and the degradation when the batch in progress has been journaled.
    const refused = await eventually('state refused', async () => {
      const seen = await status();
      return saidOf(seen)?.redis === 'refused' && saidOf(seen)!.degradations.includes('redis') && seen;
    });
    expect(saidOf(refused)).toMatchObject({ degradations: ['redis'] });
    expect(saidOf(refused)!.redis_missed).toBeGreaterThan(0);
    expect(refused.ok).toBe(false);
    const finding = refused.findings.find(({ text }) => text.startsWith('PUBLISH_REDIS'))!;
    expect(finding.text).toMatch(/signals were missed since the start/);
    expect(finding.next).toContain('+xadd');
    expect((await place.run(['status'])).stdout).not.toContain('All is well');
    const doctor = await place.run(['doctor']);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/✗ redis .*refuses XADD: NOPERM/);

    await admin.call('ACL', 'SETUSER', 'feeder', '+xadd');
    await eventually('state up', async () => {
      const seen = saidOf(await status());
      return seen?.redis === 'up' && seen.degradations.length === 0;
    });
    expect((await place.run(['doctor'])).stdout).toMatch(/✓ redis .*takes signals/);
    const names = (await admin.keys('*')).filter((key) => key.includes('doctor'));
    await eventually('the scratch names gone', async () => names.length === 0 || (await admin.exists(...names)) === 0);
    const lines = `${daemon.stdout()}${daemon.stderr()}`.split('\n');
    expect(lines.filter((line) => line.includes('PUBLISH_REDIS'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('Redis accepts all signals again'))).toHaveLength(1);
  },
);
