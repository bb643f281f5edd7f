import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SignalBody } from '../../shared/signal/signal.ts';
import type { EpochMs } from '../../shared/bar.ts';
import { packageRoot } from '../../shared/root.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { LateBars } from '../feed/arrival.ts';
import { instrumentBodyOf } from '../../shared/signal/signal.fixture.ts';
import { batchOf, NOW_MS, openMetrics, timingOf } from './metrics.fixture.ts';
import { DAEMON_METRICS, PROCESS_METRICS } from './metrics.ts';
import { ProcessWatch } from './process_watch.ts';

let watch: ProcessWatch | null = null;
afterEach(() => {
  watch?.close();
  watch = null;
});

/** The exposition format, read as Prometheus reads it: every line a comment, or a series with a number. */
async function scrape({ exposition }: { exposition: { text(): Promise<string> } }): Promise<Map<string, number>> {
  const series = new Map<string, number>();
  for (const line of (await exposition.text()).split('\n')) {
    if (line === '' || /^# (HELP|TYPE) (minutehand_[a-z0-9_]+|inference_latency|signals_per_min) \S/.test(line))
      continue;
    const read =
      /^((?:minutehand_[a-z0-9_]+|inference_latency[a-z_]*|signals_per_min)(?:\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})?) (\S+)$/.exec(
        line,
      );
    expect(read, line).not.toBeNull();
    const value = Number(read![2]);
    expect(value, line).not.toBeNaN();
    expect(series.has(read![1]!), line).toBe(false);
    series.set(read![1]!, value);
  }
  return series;
}

const ENGINES = { ai1: 'wasm-simd', ai2: 'wasm-simd', ai3: 'onnxruntime-node' } as const;
const models = { engines: ENGINES, manifest: { created: new Date(NOW_MS - 86_400_000).toISOString() } } as ModelSet;

const SERIES = { symbol: 'BTCUSDT', series: 'funding_rate', event_time: '', age_seconds: 7, stale: false } as const;

describe('the metrics of a batch', () => {
  it('count each signal by pair, action, reason and mode', async () => {
    const metrics = openMetrics();
    metrics.observed.batch(batchOf(3), timingOf({}));
    metrics.observed.batch(batchOf(2, { action: 'ENTER', reason: 'ENTRY' }), timingOf({}));
    metrics.observed.batch(batchOf(3), timingOf({}));
    const series = await scrape(metrics);
    const counted = [...series].filter(([name]) => name.startsWith('minutehand_signals_total'));
    expect(counted).toEqual([
      ['minutehand_signals_total{pair_id="A0_B0",action="HOLD",reason="NO_EDGE",mode="OK"}', 2],
      ['minutehand_signals_total{pair_id="A0_B0",action="ENTER",reason="ENTRY",mode="OK"}', 1],
      ['minutehand_signals_total{pair_id="A1_B1",action="HOLD",reason="NO_EDGE",mode="OK"}', 2],
      ['minutehand_signals_total{pair_id="A1_B1",action="ENTER",reason="ENTRY",mode="OK"}', 1],
      ['minutehand_signals_total{pair_id="A2_B2",action="HOLD",reason="NO_EDGE",mode="OK"}', 2],
    ]);
    expect(series.get('minutehand_signals_per_minute')).toBe(8);
  });

  it('count the novelty of candidates alone, once for each bar', async () => {
    const metrics = openMetrics();
    for (const novelty of [0, 0.01, 0.3, 1]) metrics.observed.batch(batchOf(1, { novelty }), timingOf({}));
    metrics.observed.batch(batchOf(3), timingOf({}));
    // Heartbeats repeat the novelty of the last bar.
    for (const reason of ['SILENCE', 'SHUTDOWN'] as const)
      metrics.observed.batch(batchOf(1, { novelty: 0, reason }), timingOf({}));
    const series = await scrape(metrics);
    const atMost = (bound: string) => series.get(`minutehand_signal_novelty_bucket{kind="pair",le="${bound}"}`);
    expect(['0.001', '0.01', '0.25', '0.5', '1', '+Inf'].map(atMost)).toEqual([1, 2, 2, 3, 4, 4]);
    expect(series.get('minutehand_signal_novelty_sum{kind="pair"}')).toBeCloseTo(1.31, 12);
    expect(series.get('minutehand_signal_novelty_count{kind="pair"}')).toBe(4);
  });

  it('keep the novelty of pairs and that of instruments apart', async () => {
    const metrics = openMetrics();
    const countsOf = async () => {
      const series = await scrape(metrics);
      return ['pair', 'instrument'].map((kind) => [
        series.get(`minutehand_signal_novelty_bucket{kind="${kind}",le="0.01"}`),
        series.get(`minutehand_signal_novelty_count{kind="${kind}"}`),
      ]);
    };
    // Both kinds from the start on: the rate of a series counts from its second value.
    expect(await countsOf()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    const instrument = { seq: 1, body: instrumentBodyOf({ novelty: 0.001 }) };
    metrics.observed.batch([...batchOf(2, { novelty: 0.5 }), instrument, instrument, instrument], timingOf({}));
    expect(await countsOf()).toEqual([
      [0, 2],
      [3, 3],
    ]);
  });

  it('keep signals apart that differ in one label only', async () => {
    const metrics = openMetrics();
    const kinds: Partial<SignalBody>[] = [
      { mode: 'OK' },
      { mode: 'DEGRADED' },
      { reason: 'NO_SETUP' },
      { action: 'EXIT', reason: 'STOP' },
      { action: 'HOLD', reason: 'STOP' },
    ];
    for (const kind of kinds) metrics.observed.batch(batchOf(1, kind), timingOf({}));
    const counted = [...(await scrape(metrics))].filter(([name]) => name.startsWith('minutehand_signals_total'));
    expect(counted.map(([, count]) => count)).toEqual([1, 1, 1, 1, 1]);
  });

  it('have the time of each station, of inference, and of each transport in seconds', async () => {
    const metrics = openMetrics();
    metrics.observed.batch(batchOf(10), timingOf({}));
    const series = await scrape(metrics);
    const sums = Object.fromEntries([...series].filter(([name]) => name.includes('_seconds_sum')));
    expect(sums).toMatchObject({
      minutehand_inference_latency_seconds_sum: 30e-6,
      'minutehand_station_seconds_sum{station="features"}': 20e-6,
      'minutehand_station_seconds_sum{station="infer"}': 30e-6,
      'minutehand_station_seconds_sum{station="decide"}': 40e-6,
      'minutehand_station_seconds_sum{station="publish"}': 50e-6,
      'minutehand_station_seconds_sum{station="file"}': 600e-6,
      'minutehand_station_seconds_sum{station="shadow"}': 0,
      'minutehand_station_seconds_sum{station="journal"}': 70e-6,
      'minutehand_bar_to_signal_seconds_sum{transport="websocket"}': 120e-6,
      'minutehand_bar_to_signal_seconds_sum{transport="redis"}': 140e-6,
      'minutehand_bar_to_signal_seconds_sum{transport="file"}': 750e-6,
    });
    expect(series.get('minutehand_station_seconds_bucket{station="infer",le="0.000025"}')).toBe(0);
    expect(series.get('minutehand_station_seconds_bucket{station="infer",le="0.00005"}')).toBe(1);
    expect(series.get('minutehand_inference_latency_seconds_bucket{le="0.00005"}')).toBe(1);
    expect(series.get('minutehand_bar_to_signal_seconds_bucket{transport="file",le="0.0005"}')).toBe(0);
    expect(series.get('minutehand_bar_to_signal_seconds_bucket{transport="file",le="0.001"}')).toBe(1);
  });

  it('have a shadow set as a station only when there is one, and no time for a transport that is off', async () => {
    const metrics = openMetrics();
    const bar_to_us = { websocket: 100, redis: null, file: null };
    metrics.observed.batch(batchOf(1), timingOf({ bar_to_us }));
    metrics.observed.batch(batchOf(1), timingOf({ bar_to_us, shadow_us: 35 }));
    const series = await scrape(metrics);
    expect(series.get('minutehand_station_seconds_count{station="shadow"}')).toBe(1);
    expect(series.get('minutehand_station_seconds_count{station="infer"}')).toBe(2);
    expect(series.get('minutehand_bar_to_signal_seconds_count{transport="websocket"}')).toBe(2);
    expect(series.get('minutehand_bar_to_signal_seconds_count{transport="redis"}')).toBe(0);
    expect(series.get('minutehand_bar_to_signal_seconds_count{transport="file"}')).toBe(0);
  });

  it('count a bar over its budget, and a heartbeat of silence as a signal without a bar', async () => {
    const metrics = openMetrics();
    const late = timingOf({ bar_to_us: { websocket: 100, redis: null, file: 200_001 } });
    metrics.observed.batch(batchOf(1), timingOf({}));
    metrics.observed.batch(batchOf(1), late);
    metrics.observed.batch(batchOf(1, { reason: 'SILENCE', mode: 'DEGRADED' }), late);
    const series = await scrape(metrics);
    expect(series.get('minutehand_bars_over_budget_total')).toBe(1);
    expect(series.get('minutehand_bar_to_signal_seconds_count{transport="file"}')).toBe(2);
    expect(series.get('minutehand_signals_total{pair_id="A0_B0",action="HOLD",reason="SILENCE",mode="DEGRADED"}')).toBe(
      1,
    );
  });
});

describe('the metrics of events', () => {
  it('count bars by outcome, swaps, refused and failed models', async () => {
    const metrics = openMetrics();
    for (const outcome of ['accepted', 'accepted', 'BAR_FUTURE']) metrics.observed.bar(outcome);
    metrics.observed.swap();
    metrics.observed.modelRefused('MODEL_HASH');
    metrics.observed.modelFailed('MODEL_OUTPUT');
    metrics.observed.modelFailed('MODEL_OUTPUT');
    for (let scrapes = 0; scrapes < 2; scrapes++) {
      const series = await scrape(metrics);
      expect(series.get('minutehand_bars_total{outcome="accepted"}')).toBe(2);
      expect(series.get('minutehand_bars_total{outcome="BAR_FUTURE"}')).toBe(1);
      expect(series.get('minutehand_model_swaps_total')).toBe(1);
      expect(series.get('minutehand_models_refused_total{code="MODEL_HASH"}')).toBe(1);
      expect(series.get('minutehand_model_failures_total{code="MODEL_OUTPUT"}')).toBe(2);
    }
  });

  it('are exported with 0 before the first event, so that an alert sees the first', async () => {
    const rules = readFileSync(join(packageRoot(), 'config', 'prometheus', 'rules.yaml'), 'utf8');
    const watched = [...rules.matchAll(/increase\((minutehand_[a-z_]+)/g)].map(([, name]) => name!);
    expect(watched.length).toBeGreaterThan(3);
    const series = await scrape(openMetrics());
    for (const name of watched) {
      const found = [...series].filter(([key]) => key === name || key.startsWith(`${name}{`));
      expect(found.length, name).toBeGreaterThan(0);
      expect(new Set(found.map(([, value]) => value)), name).toEqual(new Set([0]));
    }
    const refused = ['BAR_FUTURE', 'STREAM_ENTRY_SIZE', 'BODY_NOT_JSON', 'FEED_CLOSED'];
    for (const key of [
      ...refused.map((code) => `bars_total{outcome="${code}"}`),
      'series_total{outcome="SERIES_STALE"}',
    ])
      expect(series.get(`minutehand_${key}`), key).toBe(0);
    for (const code of ['MODEL_SLOW', 'MODEL_GOLDEN', 'MODEL_SIGNATURE', 'POINTER_MARK', 'KEY_UNUSABLE'])
      for (const name of ['model_failures_total', 'models_refused_total'])
        expect(series.get(`minutehand_${name}{code="${code}"}`), code).toBe(0);
  });

  it('have no label that is not exported with 0 before the first event: what is unknown counts as OTHER', async () => {
    const metrics = openMetrics();
    const before = await scrape(metrics);
    metrics.observed.bar('BAR_OF_A_LATER_VERSION');
    metrics.observed.modelRefused('DISK_FULL');
    metrics.observed.modelFailed('DISK_FULL');
    const after = await scrape(metrics);
    expect([...after.keys()].filter((key) => !before.has(key))).toEqual([]);
    for (const key of ['bars_total{outcome', 'models_refused_total{code', 'model_failures_total{code'])
      expect([before, after].map((series) => series.get(`minutehand_${key}="OTHER"}`))).toEqual([0, 1]);
  });

  it('show the state at the scrape, and omit values that do not exist', async () => {
    let nowMs = NOW_MS;
    let hasModels = true;
    const publisher = { publish: () => undefined, close: () => Promise.resolve() };
    const metrics = openMetrics({
      clock: { nowMs: () => nowMs as EpochMs },
      status: {
        readyPairs: 9,
        silentPairs: ['A_B'],
        expiredPairs: ['A_B', 'C_D'],
        haltedPairs: ['A_B', 'C_D', 'E_F'],
        directionEngines: { '1h': 'own-graph' },
        degradations: new Set(['file', 'redis']),
        suspectBars: new Map([['EURUSD', 2]]),
        series: [SERIES],
        get models() {
          return hasModels ? models : null;
        },
      },
      server: { connections: 3 },
      publishers: {
        all: [
          { ...publisher, name: 'websocket', failures: 0 },
          { ...publisher, name: 'file', failures: 6, retries: 3 },
        ],
        links: { redis: { state: 'up', refusal: null, missed: 40, resent: 4 } },
      },
      logs: { lost: () => 5 },
      lateBars: () => ({ late_seconds: 97 }) as LateBars,
      streamLost: () => 11,
      dryRuns: () => 12,
    });
    expect((await scrape(metrics)).has('minutehand_signal_age_seconds')).toBe(false);
    metrics.observed.batch(batchOf(1), timingOf({}));
    nowMs += 61_500;
    const series = await scrape(metrics);
    expect(Object.fromEntries(series)).toMatchObject({
      minutehand_pairs_ready: 9,
      minutehand_pairs_silent: 1,
      minutehand_pairs_expired: 2,
      minutehand_pairs_halted: 3,
      minutehand_bars_late_seconds: 97,
      minutehand_bar_stream_lost_total: 11,
      minutehand_dry_runs_total: 12,
      minutehand_websocket_connections: 3,
      minutehand_degradations: 2,
      minutehand_redis_missed_signals_total: 40,
      minutehand_redis_resent_signals_total: 4,
      minutehand_signal_file_retries_total: 3,
      minutehand_log_lines_lost_total: 5,
      'minutehand_publish_failures_total{publisher="file"}': 6,
      'minutehand_bars_suspect_total{symbol="EURUSD"}': 2,
      'minutehand_series_age_seconds{symbol="BTCUSDT",series="funding_rate"}': 7,
      'minutehand_publish_failures_total{publisher="websocket"}': 0,
      minutehand_model_age_seconds: 86_461.5,
      minutehand_signal_age_seconds: 61.5,
      minutehand_signals_per_minute: 0,
      'minutehand_inference_engine_info{model="ai1",engine="wasm-simd"}': 1,
      'minutehand_inference_engine_info{model="ai3",engine="onnxruntime-node"}': 1,
      'minutehand_inference_engine_info{model="direction_1h",engine="own-graph"}': 1,
    });
    hasModels = false;
    const names = [...(await scrape(metrics)).keys()];
    expect(names.filter((name) => /model_age|engine_info\{model="ai/.test(name))).toEqual([]);
  });
});

describe('the metrics of a lease', () => {
  it.each([
    ['without a lease', null, 0, [1, 0, 0]],
    ['that holds it', { role: 'holder', fence: 7, holder: 'a', server: 'up' }, 0, [1, 7, 0]],
    ['on standby', { role: 'standby', fence: null, holder: 'b', server: 'up' }, 5, [0, 0, 5]],
  ] as const)('are those of a daemon %s', async (_, lease, withheld, expected) => {
    const series = await scrape(openMetrics({ status: { withheld }, lease: () => lease }));
    const names = ['minutehand_lease_held', 'minutehand_lease_fence', 'minutehand_signals_withheld_total'];
    expect(names.map((name) => series.get(name))).toEqual(expected);
  });
});

describe('the metrics of the process', () => {
  it('have memory, CPU time and version, and no other series twice', async () => {
    watch = new ProcessWatch();
    const series = await scrape(openMetrics({}, watch));
    expect(series.get('minutehand_process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(series.get('minutehand_nodejs_heap_size_used_bytes')).toBeGreaterThan(1e6);
    expect(series.get('minutehand_nodejs_heap_size_total_bytes')).toBeGreaterThan(1e6);
    expect(series.get('minutehand_nodejs_external_memory_bytes')).toBeGreaterThan(0);
    expect(series.get('minutehand_process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(series.get('minutehand_process_cpu_user_seconds_total')).toBeGreaterThan(0);
    expect(series.get('minutehand_process_cpu_system_seconds_total')).toBeGreaterThan(0);
    expect(series.get(`minutehand_nodejs_version_info{version="${process.version}"}`)).toBe(1);
    expect(series.get('minutehand_process_start_time_seconds')).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    if (process.platform === 'linux') expect(series.get('minutehand_process_open_fds')).toBeGreaterThan(2);
  });

  it('show how long the loop was blocked since the last scrape, and that it was not', async () => {
    watch = new ProcessWatch();
    const metrics = openMetrics({}, watch);
    const delays = async (): Promise<{ median: number; greatest: number }> => {
      const series = await scrape(metrics);
      const [median, greatest] = ['0.5', '1'].map((quantile) =>
        series.get(`minutehand_event_loop_delay_seconds{quantile="${quantile}"}`)!,
      ) as [number, number];
      return { median, greatest };
    };
    await new Promise((resolve) => setTimeout(resolve, 50));
    const end = performance.now() + 80;
    while (performance.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { greatest: held } = await delays();
    expect(held).toBeGreaterThan(0.06);
    // Each look is at the time since the one before: a busy machine has a idle window sooner or later.
    const isFree = async (): Promise<boolean> => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { median, greatest } = await delays();
      return median < held / 2 && greatest < held;
    };
    await expect.poll(isFree).toBe(true);
  });

  it('count every garbage collection by its kind', async () => {
    watch = new ProcessWatch();
    const metrics = openMetrics({}, watch);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const kept: unknown[] = [];
    for (let index = 0; index < 400_000; index++) kept[index % 1000] = { index, text: `text ${index}` };
    await expect
      .poll(async () => (await scrape(metrics)).get('minutehand_gc_pause_seconds_count{kind="minor"}') ?? 0)
      .toBeGreaterThan(0);
    const series = await scrape(metrics);
    expect(series.get('minutehand_gc_pause_seconds_sum{kind="minor"}')).toBeGreaterThan(1e-6);
    expect(series.has('minutehand_gc_pause_seconds_bucket{kind="minor",le="0.00025"}')).toBe(true);
  });
});

describe('the declared metrics', () => {
  it('match a scrape, with their types and labels', async () => {
    watch = new ProcessWatch();
    watch.pauses.series('minor').observe(1);
    const publisher = { publish: () => undefined, close: () => Promise.resolve() };
    const metrics = openMetrics(
      {
        status: { models, suspectBars: new Map([['EURUSD', 1]]), series: [SERIES] },
        publishers: { all: [{ ...publisher, name: 'file', failures: 0 }], links: {} },
      },
      watch,
    );
    metrics.observed.bar('accepted');
    metrics.observed.series.add('accepted');
    metrics.observed.modelRefused('MODEL_HASH');
    metrics.observed.modelFailed('MODEL_OUTPUT');
    metrics.observed.batch(batchOf(1), timingOf({}));
    const declared = [...DAEMON_METRICS, ...PROCESS_METRICS];
    const types = [...(await metrics.exposition.text()).matchAll(/^# TYPE (\S+) (\S+)/gm)];
    expect(types.map(([, name, type]) => [name, type])).toEqual(declared.map(({ name, type }) => [name, type]));
    const shown = new Map<string, string[]>();
    for (const series of (await scrape(metrics)).keys()) {
      const labels = [...series.matchAll(/([a-z_]+)="/g)].map(([, label]) => label!).filter((label) => label !== 'le');
      shown.set(series.replace(/\{.*/, '').replace(/(_seconds|_latency|_novelty)_(bucket|sum|count)$/, '$1'), labels);
    }
    expect(shown).toEqual(new Map(declared.map(({ name, labels = [] }) => [name, [...labels]])));
  });

  it('end with _total exactly where they are counters', () => {
    for (const { name, type } of [...DAEMON_METRICS, ...PROCESS_METRICS])
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
  });
});

describe('a scrape', () => {
  it('of thousands of series yields to the event loop many times before it ends', async () => {
    const metrics = openMetrics();
    for (const reason of ['NO_EDGE', 'NO_SETUP', 'PROB_LOW', 'RISK_HIGH', 'IN_POSITION'] as const)
      metrics.observed.batch(batchOf(4000, { reason }), timingOf({}));
    let isDone = false;
    const text = metrics.exposition.text().finally(() => (isDone = true));
    let turns = 0;
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect((await text).match(/^minutehand_signals_total\{/gm)).toHaveLength(20_000);
    expect(turns).toBeGreaterThan(5);
  });

  it('that comes while another is in progress shares its work', async () => {
    let looks = 0;
    const { exposition } = openMetrics({
      status: {
        get readyPairs() {
          return ++looks;
        },
      },
    });
    const [one, other] = await Promise.all([exposition.text(), exposition.text()]);
    expect(one).toBe(other);
    expect(looks).toBe(1);
    await exposition.text();
    expect(looks).toBe(2);
  });

  it('is announced as the text format of Prometheus', () => {
    expect(openMetrics().exposition.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });
});

describe('units and limits', () => {
  it('CPU time is in seconds, of user code, of the system and of both', () => {
    const usage = vi.spyOn(process, 'cpuUsage').mockReturnValue({ user: 2_500_000, system: 250_000 });
    const seconds = PROCESS_METRICS.filter(({ name }) => name.includes('_cpu_')).map((metric) =>
      metric.read(null as never),
    );
    usage.mockRestore();
    expect(seconds).toEqual([2.5, 0.25, 2.75]);
  });

  it('a station has a time from one microsecond on where it is that of the shadow set, and always else', async () => {
    const metrics = openMetrics();
    metrics.observed.batch(batchOf(1), timingOf({ shadow_us: 1, features_us: 0.5 }));
    const series = await scrape(metrics);
    const counts = ['shadow', 'features'].map((name) =>
      series.get(`minutehand_station_seconds_count{station="${name}"}`),
    );
    expect(counts).toEqual([1, 1]);
  });

  it('a watch that was closed sees no more delays', async () => {
    const closed = new ProcessWatch();
    closed.close();
    const end = performance.now() + 40;
    while (performance.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(closed.takeLoopDelays().map(([, seconds]) => seconds)).toEqual([0, 0, 0]);
  });
});
