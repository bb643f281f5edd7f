import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_WEEKLY, WEEKLY_NOTE } from '../../test/weekly.ts';
import { createRng } from '../../shared/rng.ts';
import { tinySettings, tinyModels } from '../../test/tiny_models.ts';
import type { CollectedMemory } from './field.ts';
import { benchSoak, createHeapTrend, soakFailure, type HeapTrend } from './soak.ts';

const MB = 2 ** 20;

/** A noisy heap of 20 MB that leaks `leak` bytes a minute, observed over a soak of 12,000 minutes. */
async function trendOf(leak: number, promotedPerMinute = 0): Promise<HeapTrend> {
  const rng = createRng('soak');
  let minute = 0;
  let collectedAt = 0;
  const collect = (): Promise<CollectedMemory> => {
    const promoted = promotedPerMinute * (minute - collectedAt);
    collectedAt = minute;
    const heap = 20 * MB + leak * minute + rng.normal() * 50_000;
    return Promise.resolve({
      rss: 0,
      heap,
      external: 7 * MB,
      promoted,
      pauses: [
        { kind: 'minor', atNs: 0, us: 700 },
        { kind: 'major', atNs: 0, us: 1700 },
      ],
    });
  };
  const watch = createHeapTrend({ collect }, 12_000);
  for (minute = 1; minute <= 12_000; minute++) await watch.sample(minute, minute - 1);
  return watch.trend();
}

describe('a soak', () => {
  it('passes with a noisy heap, and fails with one that leaks more than the limit', async () => {
    const verdictOf = async (leak: number): Promise<string | null> => soakFailure({ heap: await trendOf(leak) });
    expect(await verdictOf(0)).toBeNull();
    expect(await verdictOf(90)).toBeNull();
    expect(await verdictOf(200)).toMatch(/left after collections grows by (1|2)\d\d bytes a minute/);
    const { collections, left_bytes_per_minute } = await trendOf(200);
    expect(collections).toBe(24);
    expect(left_bytes_per_minute.low).toBeLessThan(200);
    expect(left_bytes_per_minute.high).toBeGreaterThan(200);
  });
});

it('a soak of many minutes fails when resident memory grows, beyond its error', async () => {
  const heap = await trendOf(0);
  const failureOf = (minutes: number, low: number): string | null => {
    const memory = { first_mb: 200, last_mb: 210, slope_mb_per_hour: 1 };
    return soakFailure({
      heap,
      minutes,
      memory: { ...memory, bytes_per_minute: { slope: 300, low, high: 600 - low } },
    });
  };
  expect(failureOf(100_000, 200)).toMatch(/resident memory grows by 300 bytes a minute/);
  expect([failureOf(100_000, -50), failureOf(500, 200)]).toEqual([null, null]);
});

it('a soak fails when what a bar allocates reaches the old generation', async () => {
  expect(soakFailure({ heap: await trendOf(0, 4000) })).toBeNull();
  expect(soakFailure({ heap: await trendOf(0, 5000) })).toMatch(/5000 bytes a minute reach the old generation/);
  expect((await trendOf(0)).pauses).toMatchObject({
    minor: { p50: 700, max: 700, over_1_ms: 0 },
    major: { count: 15, max: 1700, over_1_ms: 15 },
  });
});

describe.runIf(IS_WEEKLY)(`the daemon in a soak${WEEKLY_NOTE}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-soak-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('leaks nothing', { timeout: 300_000 }, async () => {
    const settings = tinySettings();
    const { path } = await tinyModels(folder, { settings, seed: 1, market: 'live' });
    const result = await benchSoak({
      pairs: 3,
      durationMs: 120_000,
      paceMs: 10,
      print: () => undefined,
      bundles: [path],
      settings,
    });
    expect(soakFailure(result), JSON.stringify(result.heap)).toBeNull();
    expect(result.minutes).toBeGreaterThan(500);
  });
});
