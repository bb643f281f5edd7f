import { expect, it, vi } from 'vitest';
import { startRedis } from './process.ts';

it('without redis-server there is no Redis to measure, and the bench goes on', async () => {
  vi.stubEnv('PATH', '');
  expect(await startRedis()).toBeNull();
  vi.unstubAllEnvs();
});
