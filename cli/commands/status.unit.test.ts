import { expect, it } from 'vitest';
import { pairLine } from './status.ts';

const signal = {
  market: 'simulated',
  timestamp: '2024-01-22T15:07:00Z',
  action: 'HOLD',
  reason: 'NO_EDGE',
  mode: 'OK',
  target: 0,
  boot_id: 'boot',
  seq: 1,
  generated_at_ms: 60_000,
  valid_until_ms: 120_000,
} as const;

it('a last signal of another market than the one served says so: its file stays until the first bar', () => {
  const own = { pair_id: 'EURUSD_GBPUSD', signal };
  expect(pairLine(own, 'live', 180_000)[0]).toMatch(/2 min ago, expired, of the simulated market$/);
  expect(pairLine(own, 'simulated', 90_000)[0]).toMatch(/30 s ago$/);
  expect(pairLine(own, null, 90_000)[0]).toMatch(/30 s ago$/);
});
