import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram, LATENCY_BUCKETS_SECONDS } from './latency.ts';

/** A series line by line; sums of the two differ by rounding and are compared as numbers. */
function seriesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

describe('the buckets of latencies', () => {
  it('ascend from 1 µs to 1 s and have the 200 ms of the contract', () => {
    expect(LATENCY_BUCKETS_SECONDS).toEqual([...LATENCY_BUCKETS_SECONDS].sort((a, b) => a - b));
    expect(LATENCY_BUCKETS_SECONDS[0]).toBe(1e-6);
    expect(LATENCY_BUCKETS_SECONDS.at(-1)).toBe(1);
    expect(LATENCY_BUCKETS_SECONDS).toContain(0.2);
  });
});

describe('a histogram of latencies', () => {
  // On a bound: whole microseconds have an exact place in both, as fractions of a second may not.
  const microseconds = fc.oneof(
    fc.integer({ min: 0, max: 3_000_000 }),
    fc.constantFrom(...LATENCY_BUCKETS_SECONDS.map((seconds) => seconds * 1e6)),
  );

  it('equals one of prom-client for the same observations, with a label and without', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('file', 'redis', 'websocket'), microseconds), { maxLength: 60 }),
        async (observations) => {
          const buckets = [...LATENCY_BUCKETS_SECONDS];
          const registers = [new Registry()];
          const ourLabeled = new LatencyHistogram('by');
          const ourBare = new LatencyHistogram();
          const labeled = new Histogram({ name: 'labeled', help: 'Help.', labelNames: ['by'], buckets, registers });
          const bare = new Histogram({ name: 'bare', help: 'Help.', buckets, registers });
          ourBare.series('');
          for (const [by, us] of observations) {
            ourLabeled.series(by).observe(us);
            ourBare.series('').observe(us);
            labeled.observe({ by }, us / 1e6);
            bare.observe(us / 1e6);
          }
          const expected = seriesOf(await registers[0]!.metrics());
          const seen = seriesOf([...ourLabeled.lines('labeled'), ...ourBare.lines('bare')].join('\n'));
          // The order of two labels means nothing.
          const named = (name: string): string => name.replace(/\{(le="[^"]*"),(by="[^"]*")\}/, '{$2,$1}');
          expect([...seen.keys()].sort()).toEqual([...expected.keys()].map(named).sort());
          for (const [name, value] of expected) {
            if (name.includes('_sum')) expect(seen.get(named(name))).toBeCloseTo(value, 9);
            else expect([name, seen.get(named(name))]).toEqual([name, value]);
          }
        },
      ),
    );
  });
});
