import { describe, expect, it, vi } from 'vitest';
import type { EndToEndResult, TransportResult } from '../../bench/end_to_end/end_to_end.ts';
import { main } from '../main.ts';
import { latencyFailures } from './bench.ts';

const run = (p999_us: number, ratio_p50: number): EndToEndResult => ({
  pairs: 10,
  models: 'trained',
  gap_ms: 0,
  minutes: 100,
  warm_up_minutes: 100,
  transports: { file: { p999_us, ratio_p50 } as TransportResult },
});

describe('bench --check', () => {
  it('fails above the budget and above the ratio, not at them, and when nothing was measured', () => {
    expect(latencyFailures([run(200_000, 3)], 200, 3)).toEqual([]);
    expect(latencyFailures([run(200_001, 3)], 200, 3)).toEqual(['10 pairs, file: p99.9 200.001 ms > 200 ms']);
    expect(latencyFailures([run(1000, 3.01)], 200, 3)).toEqual(['10 pairs, file: p50 3.01 × null daemon > 3']);
    expect(latencyFailures([], 200, 3)).toEqual(['nothing was measured']);
  });
});

it('measures a bundle end to end alone', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await main(['bench', '--part', 'inference', '--bundle', 'nowhere'])).toBe(2);
  expect(write.mock.calls.flat().join('')).toMatch(/USAGE.*--bundle/s);
  write.mockRestore();
});
