import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Bar } from '../../shared/bar.ts';
import { createRng } from '../../shared/rng.ts';
import { activateUnjudged } from './activate.ts';
import { isRunning } from '../../test/cli_process.ts';
import { tinySettings, tinyModels } from '../../test/tiny_models.ts';
import { arrivalOf, measurePattern, PATTERNS } from './arrival.ts';
import { compare } from './end_to_end.ts';
import { measureFloor } from './floor.ts';
import { openField, type Field, type Latencies } from './field.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const PAIRS = 3;
const settings = tinySettings();

let folder: string;
let bundles: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-field-'));
  bundles = [];
  for (const seed of [1, 2]) bundles.push((await tinyModels(folder, { settings, seed, market: 'live' })).path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withField(use: (field: Field) => Promise<void>): Promise<Field> {
  const field = await openField({ pairs: PAIRS, bundles, withNull: true, settings });
  try {
    await use(field);
  } finally {
    await field.close();
  }
  return field;
}

function signalsOf(field: Field, kind: 'real' | 'null'): Record<string, string | number>[] {
  // <folder>/real/models and <folder>/null/signals
  const path = join(dirname(dirname(field.modelsFolder)), kind, 'signals', 'signals.json');
  return Object.values(JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, string | number>>);
}

describe('the floor', () => {
  it(`times round trips without our code beside both daemons, at both paces, and leaves nothing behind`, async () => {
    const field = await withField(async (open) => {
      const { pairs, paces, attribution } = await measureFloor(open, 30, () => undefined);
      expect(pairs).toBe(PAIRS);
      expect(paces.map(({ gap_ms, minutes }) => [gap_ms, minutes])).toEqual([
        [0, 30],
        [5, 30],
      ]);
      for (const { echo, file_write, redis_round_trip, daemon, null_daemon, ...ratios } of paces) {
        for (const { count, p50 } of [echo, file_write]) expect([count, p50 > 0]).toEqual([30, true]);
        expect(redis_round_trip === null).toBe(!open.transports.includes('redis'));
        for (const own of [daemon, null_daemon]) {
          expect(own.websocket!.count).toBe(30);
          expect(own.all!.max).toBeGreaterThanOrEqual(own.websocket!.max);
        }
        expect(ratios.websocket_over_echo).toBe(daemon.websocket!.p50 / echo.p50);
        if (!existsSync('/proc/self/task')) continue;
        // A minute of the daemon costs more than one echo, and its threads sleep between them.
        expect(ratios.daemon_work!.cpu_us).toBeGreaterThan(10);
        expect(ratios.daemon_work!.slept).toBeGreaterThan(1);
        expect(ratios.null_daemon_work!.cpu_us).toBeGreaterThan(10);
      }
      for (const { places_us, system_calls } of Object.values(attribution)) {
        expect(places_us['Node.js']).toBeGreaterThan(1);
        // Each signal of each pair is written into a file.
        if (system_calls !== null) expect(system_calls.rename).toBeGreaterThanOrEqual(PAIRS);
      }
    });
    expect(existsSync(field.home)).toBe(false);
  });
});

describe('the field of the end-to-end bench', () => {
  it('times every minute of both daemons on every transport, and leaves nothing behind', async () => {
    const measured = { real: [] as Latencies[], null: [] as Latencies[] };
    const field = await withField(async (open) => {
      for (let i = 0; i < 20; i++)
        for (const target of [open.real, open.null!]) measured[target.kind].push(await target.minute());
      const real = signalsOf(open, 'real');
      const base = signalsOf(open, 'null');
      expect(real.map(({ pair_id }) => pair_id).sort()).toEqual(base.map(({ pair_id }) => pair_id).sort());
      expect(new Set(real.map(({ timestamp }) => timestamp)).size).toBe(1);
      expect(real[0]!['timestamp']).not.toBe(base[0]!['timestamp']);
      // The compared texts have the same size, except for the lengths of numbers.
      const [realBytes, nullBytes] = [real, base].map((signals) => JSON.stringify(signals).length);
      expect(Math.abs(realBytes! - nullBytes!) / nullBytes!).toBeLessThan(0.1);
      expect((await open.memory()).rss).toBeGreaterThan(1e7);
    });
    expect(field.transports).toContain('file');
    for (const transport of field.transports) {
      for (const latencies of [...measured.real, ...measured.null]) expect(latencies[transport]).toBeGreaterThan(10);
      const { p50_us, null_p50_us, ratio_p50, missed } = compare(measured, transport);
      expect(ratio_p50).toBe(p50_us / null_p50_us);
      expect(missed).toBe(0);
    }
    for (const { helper } of [field.real, field.null!]) expect(isRunning(helper.pid)).toBe(false);
    expect(existsSync(field.modelsFolder)).toBe(false);
  });

  it('times every signal from its later leg, however the bars of a minute arrive', async () => {
    const field = await openField({ pairs: PAIRS, bundles, withNull: true, settings, connectionPerSymbol: true });
    try {
      for (const pattern of PATTERNS.filter((one) => one !== 'trickle')) {
        const { transports, stages } = await measurePattern(field, pattern, 5);
        const { signals, total, collections, waited, ...parts } = stages!.slowest;
        expect(signals).toBe(1);
        // The slowest of those whose stages the log has: on a busy machine a line may come after its reader's patience.
        expect(total).toBeLessThan(transports.websocket!.real.max + 1e-6);
        expect(Object.values(parts).reduce((sum, us) => sum + us)).toBeCloseTo(total, 6);
        expect(Math.min(...Object.values(parts))).toBeGreaterThan(-1e-6);
        expect(collections).toBeLessThan(total);
        if (process.platform === 'linux') expect(waited).toBeGreaterThan(0);
        for (const transport of field.transports) {
          const { real, null: base, ratio_p50 } = transports[transport]!;
          expect([real.count, base.count]).toEqual([5 * PAIRS, 5 * PAIRS]);
          expect(Math.min(real.p50, base.p50)).toBeGreaterThan(10);
          expect(ratio_p50).toBe(real.p50 / base.p50);
        }
      }
    } finally {
      await field.close();
    }
  });

  it('finds in the signals which models answered, so that swaps can be counted', async () => {
    await withField(async (field) => {
      const [first, second] = bundles.map((path) => basename(path));
      expect((await field.real.minute()).version).toBe(first);
      activateUnjudged(field.modelsFolder, second!);
      const versions = new Set<string>();
      for (let i = 0; i < 2000 && !versions.has(second!); i++) versions.add((await field.real.minute()).version);
      expect(versions.has(second!)).toBe(true);
    });
  });

  it('ends every process when the daemon ends in the middle', async () => {
    const pids: number[] = [];
    await expect(
      withField(async (field) => {
        pids.push(field.real.helper.pid, field.null!.helper.pid);
        await field.real.minute();
        await field.real.helper.end();
        await field.real.minute();
      }),
    ).rejects.toThrow();
    expect(pids.filter(isRunning)).toEqual([]);
  });
});

it.each(PATTERNS)(
  'the arrival pattern %s sends each bar once, in ascending time, the same for the same seed',
  (pattern) => {
    const symbols = ['A', 'B', 'C', 'D', 'E'];
    const bars = symbols.map((symbol) => ({ symbol }) as Bar);
    const [once, again] = [1, 2].map(() => arrivalOf(pattern, createRng('seed'))(bars));
    expect(again).toEqual(once);
    expect(once!.flatMap((sending) => sending.bars.map(({ symbol }) => symbol)).sort()).toEqual(symbols);
    const delays = once!.map(({ delayMs }) => delayMs);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays.at(-1)).toBeLessThan(pattern === 'trickle' ? 2000 : 3 * symbols.length);
    expect(new Set(once!.map(({ connection }) => connection)).size).toBe(pattern === 'burst_connections' ? 5 : 1);
  },
);
