import { expect, it } from 'vitest';
import { netInterval } from './net_interval.ts';

it('has the bounds of the mean net result by trading days, and no claim', () => {
  const days = 40;
  const sum = Float64Array.from({ length: days }, (_, day) => 20 + (day % 5));
  const count = new Float64Array(days).fill(2);
  const trades = [...sum].flatMap((both) => [both / 2, both / 2].map((netBps) => ({ netBps, stopBps: 10 })));
  const indices = [...sum.keys()];
  const fresh = netInterval([{ sum, count, trades }], indices);
  expect(fresh).toMatchObject({ trades: 80, net_bps: 11 });
  expect(fresh.lower_5_net_bps).toBeGreaterThan(9);
  expect(Object.keys(fresh)).not.toContain('no_edge');
});
