import { expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { heartbeatId, signalId } from './signal_ids.ts';

it('the id of a signal depends on pair, bar, models and policy', () => {
  const ids = [
    signalId('A_B', 60 as OpenTime, 'm', 'p'),
    signalId('A_C', 60 as OpenTime, 'm', 'p'),
    signalId('A_B', 120 as OpenTime, 'm', 'p'),
    signalId('A_B', 60 as OpenTime, 'n', 'p'),
    signalId('A_B', 60 as OpenTime, 'm', 'q'),
  ];
  expect(new Set(ids).size).toBe(5);
  const heartbeats = [1, 2, 3].map((n) => heartbeatId('A_B', 60 as OpenTime, 'silence', n, 'm', 'p'));
  expect(new Set([...ids, ...heartbeats]).size).toBe(8);
  expect(signalId('A_B', 60 as OpenTime, 'm', 'p')).toBe(ids[0]);
  for (const one of [...ids, ...heartbeats]) expect(one).toMatch(/^[0-9a-f]{32}$/);
});
