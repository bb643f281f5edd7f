import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { skipNote } from './skip_note.ts';

vi.setConfig({ testTimeout: 120_000 });

const first = await startRedis();

describe.runIf(first !== null)(`a worker${skipNote(first === null, REDIS_NOTE)}`, () => {
  let place: Workplace;
  let redis: RedisServer;
  beforeAll(() => {
    place = createWorkplace();
    redis = first!;
  });
  afterEach(async () => {
    await redis.stop();
    redis = (await startRedis())!;
  });
  afterAll(async () => {
    await redis.stop();
    await place.remove();
  });

  it.each(['has gone', 'is silent'])('whose Redis %s says so, and still ends when it is asked to', async (what) => {
    const worker = place.start(['worker', '--slots', '1'], {
      MINUTEHAND_QUEUE: 'bullmq',
      MINUTEHAND_REDIS_URL: redis.url,
      MINUTEHAND_BLOBS: join(place.folder, 'blobs'),
    });
    await eventually(worker.stderr, () => worker.stdout().includes('slots'));
    if (what === 'has gone') await redis.kill();
    else redis.pause();
    await eventually(worker.stderr, () => worker.stderr().includes('The queue does not answer.'));
    worker.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
    expect(worker.stdout()).toContain('0 tasks done.');
  });
});
