import { expect, it } from 'vitest';
import { benchShards, slowestOf } from './shards.ts';

it('a minute of several daemons is over when the slowest has delivered', () => {
  const minute = (...us: number[]) => us.map((websocket) => ({ websocket, redis: NaN, file: 1 }));
  expect(slowestOf([minute(3, 7, 5), minute(9, 1, 1)], 'websocket')).toEqual([7, 9]);
  expect(slowestOf([minute(3, 7)], 'redis')).toEqual([]);
});

it('the same subjects are answered by one daemon and by two', { timeout: 120_000 }, async () => {
  const result = await benchShards({ pairs: 6, minutes: 3, daemons: [1, 2], print: () => undefined });
  expect(result.runs.map(({ daemons, pairs }) => [daemons, pairs])).toEqual([
    [1, 6],
    [2, 3],
  ]);
  for (const { transports, resident_bytes } of result.runs) {
    expect(transports.websocket!.count).toBe(3);
    expect(transports.file!.p50).toBeGreaterThan(0);
    expect(resident_bytes).toBeGreaterThan(50e6);
  }
});
