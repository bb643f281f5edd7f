import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import { tinySettings, trainTinyModels } from '../../test/tiny_models.ts';
import type { DaemonMemory } from './field.ts';
import { benchSoak, createHeapTrend, soakFailure, type HeapTrend } from './soak.ts';

const MB = 2 ** 20;

/** A heap of 20 MB that scatters, with a leak and with garbage in the old generation, through the watch of a soak of an hour. */
async function trendOf({ leak = 0, promoted = 0 }): Promise<HeapTrend> {
  const rng = createRng('soak');
  let minute = 0;
  let old = 15 * MB;
  const memory = (): Promise<DaemonMemory> =>
    Promise.resolve({ rss: 0, heap: 20 * MB + leak * minute + rng.normal() * 50_000, external: 7 * MB, old });
  const field = { memory, collect: () => ((old = 15 * MB), memory()) };
  const watch = createHeapTrend(field, 12_000);
  for (minute = 1; minute <= 12_000; minute++) {
    old += promoted;
    await watch.sample(minute, minute - 1);
  }
  return watch.trend();
}

describe('a soak', () => {
  it('passes with a heap that only scatters, and fails with a leak or with garbage that outlives the young generation', async () => {
    const verdictOf = async (world: { leak?: number; promoted?: number }): Promise<string | null> =>
      soakFailure({ pairs: 10, heap: await trendOf(world) });
    expect(await verdictOf({})).toBeNull();
    expect(await verdictOf({ leak: 50, promoted: 1000 })).toBeNull();
    expect(await verdictOf({ leak: 200 })).toMatch(/left after collections grows by 2\d\d bytes a minute/);
    expect(await verdictOf({ promoted: 10_000 })).toMatch(/^10000 bytes a minute outlive/);
    const { collections, left_bytes_per_minute, promoted_bytes_per_minute } = await trendOf({
      leak: 200,
      promoted: 10,
    });
    expect(collections).toBe(24);
    expect(left_bytes_per_minute.low).toBeLessThan(200);
    expect(left_bytes_per_minute.high).toBeGreaterThan(200);
    expect(promoted_bytes_per_minute).toBeCloseTo(10);
  });
});

describe.runIf(process.env['MINUTEHAND_LONG'])('the daemon in a soak', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-soak-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('leaves nothing behind and promotes next to nothing', { timeout: 300_000 }, async () => {
    const settings = tinySettings();
    const { path } = await trainTinyModels(folder, { settings, seed: 1, market: 'live' });
    const result = await benchSoak({
      pairs: 3,
      durationMs: 120_000,
      paceMs: 10,
      say: () => undefined,
      bundles: [path],
      settings,
    });
    expect(soakFailure(result), JSON.stringify(result.heap)).toBeNull();
    expect(result.minutes).toBeGreaterThan(500);
  });
});
