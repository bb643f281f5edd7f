import { describe, expect, it } from 'vitest';
import { BACKTEST_STATIONS } from './backtest.ts';
import { describeMachine } from './machine.ts';
import { whileTraining } from './end_to_end/retraining.ts';
import type { InferenceResult } from './inference.ts';
import { percentiles } from './percentiles.ts';
import { renderResult } from './report.ts';
import { withParts } from './with_parts.ts';

const machine = describeMachine();
const minutes = (values: readonly number[]) => values.map((us) => ({ file: us, redis: us, websocket: us }));

describe('whileTraining', () => {
  it('compares percentiles, without the minutes that a transport missed', () => {
    const without = minutes([NaN, ...Array.from({ length: 100 }, (_, i) => i + 1)]);
    const during = minutes(Array.from({ length: 100 }, (_, i) => 3 * (i + 1)));
    const { latencies, ratio_p50, ratio_p99 } = whileTraining(without, during, 'redis');
    expect(latencies).toEqual({ count: 100, p50: 150, p99: 297, p999: 300, max: 300 });
    expect([ratio_p50, ratio_p99]).toEqual([3, 3]);
  });
});

describe('the figures of a run, as Markdown', () => {
  it('keeps parts that were not measured again, and has time and processor of those that were', () => {
    const inference = { trees: 1, leaves: 31, engine: 'wasm-simd', rows: [] } as unknown as InferenceResult;
    const browsers = { pairs: 1, pace_ms: 200, browsers: 50, minutes: 1, events: 1, transports: {} };
    const at = (day: number) => ({ ...machine, date: `2026-11-${day}T10:00:00.000Z`, load_at_start: day });
    const first = { machine: at(10), inference, browsers };
    let all = withParts(first, { machine: at(11), browsers: { ...browsers, events: 2 } });
    const later = { ...at(12), cpus: 8, cpu: 'Z80' };
    all = withParts(all, { machine: later, browsers: { ...browsers, events: 3 } });
    expect(all).toEqual({
      machine: at(10),
      inference,
      browsers: { ...browsers, events: 3 },
      again: [{ machine: later, parts: ['browsers'] }],
    });
    expect(renderResult({ ...all, inference: undefined! })).toMatch(
      /2026-11-10 10:00 UTC, load 10; .* browsers: 2026-11-12 10:00 UTC, load 12, 8 × Z80\./,
    );
    expect(withParts(all, { ...first, machine: at(13) })).toEqual({ ...first, machine: at(13) });
  });

  it('shows each round trip as a multiple of the echo', () => {
    const of = (us: number) => percentiles([us]);
    const daemons = { daemon: { websocket: of(400), all: of(900) }, null_daemon: { websocket: of(300), all: of(600) } };
    const text = renderResult({
      machine,
      floor: {
        pairs: 10,
        request_bytes: 1500,
        answer_bytes: 6000,
        paces: [
          {
            gap_ms: 0,
            minutes: 1,
            echo: of(100),
            redis_round_trip: null,
            file_write: of(250),
            ...daemons,
            null_daemon_work: null,
            daemon_work: {
              cpu_us: 512.4,
              waited_us: 3,
              slept: 21.25,
              preempted: 0,
              threads: [
                { name: 'main', cpu_us: 400, slept: 12 },
                { name: 'thread', cpu_us: 100, slept: 9 },
              ],
            },
            websocket_over_echo: 4,
            all_over_echo: 9,
          },
        ],
        attribution: {
          daemon: {
            places_us: { ws: 90, 'Node.js': 150.26, 'daemon/align': 1 },
            system_calls: { write: 11, brk: 0.02 },
          },
          null_daemon: { places_us: { ws: 95.5, other: 3 }, system_calls: { write: 10, futex: 1 } },
        },
      },
    });
    const rows = text.split('\n').filter((line) => line.startsWith('|back-to-back'));
    expect(rows).toEqual([
      '|back-to-back|TCP echo|1|100/100/100|**1.0**|',
      '|back-to-back|files: write and rename|1|250/250/250|**2.5**|',
      '|back-to-back|null daemon, websocket|1|300/300/300|**3.0**|',
      '|back-to-back|daemon, websocket|1|400/400/400|**4.0**|',
      '|back-to-back|null daemon, all|1|600/600/600|**6.0**|',
      '|back-to-back|daemon, all|1|900/900/900|**9.0**|',
      '|back-to-back|daemon|512|main 400, thread 100|3|21.3|0.0|',
    ]);
    const attributed = text.slice(text.indexOf('|place|')).split('\n');
    expect(attributed.slice(2, 6)).toEqual([
      '|Node.js|150.3|0.0|',
      '|ws|90.0|95.5|',
      '|other|0.0|3.0|',
      '|**sum**|**241**|**99**|',
    ]);
    const calls = attributed.slice(attributed.indexOf('|call|daemon|null daemon|'));
    expect(calls.slice(2, 4)).toEqual(['|write|11.0|10.0|', '|futex|0.0|1.0|']);
  });

  it('shows the p99 ratio with open dashboards and its interval for each transport', () => {
    const without = percentiles([1000, 2000]);
    const loaded = percentiles([1000, 2100]);
    const text = renderResult({
      machine,
      browsers: {
        pairs: 10,
        pace_ms: 200,
        browsers: 50,
        minutes: 570,
        events: 123_456,
        transports: {
          websocket: { without, with: loaded, p99_ratio: { ratio: 1.05, interval: [0.91, 1.2] } },
        },
      },
    });
    expect(text).toContain('|WebSocket|1.00/2.00/2.00/2.00|1.00/2.10/2.10/2.10|**1.05** (0.91 to 1.20)|');
  });

  it('shows the effect of each kind of retrain on each transport', () => {
    const latencies = percentiles([1000, 2000]);
    const text = renderResult({
      machine,
      retraining: {
        pairs: 10,
        pace_ms: 200,
        minutes: 2,
        without: { websocket: latencies },
        ways: ['nice 10', 'SCHED_IDLE'].map((name) => ({
          name,
          workers: 1,
          runs: 3,
          transports: { websocket: { latencies, ratio_p50: 1, ratio_p99: 1.25 } },
        })),
      },
    });
    expect(text).toContain('|WebSocket|none|1.00/2.00/2.00/2.00|||');
    for (const name of ['nice 10', 'SCHED_IDLE'])
      expect(text).toContain(`||${name}|1.00/2.00/2.00/2.00|1.00|**1.25**|`);
    expect(text).toContain('The trainer starts its runs with nice 10');
    expect(text).not.toMatch(/undefined|NaN/);
  });

  it('shows the time and memory of whole trainings, and which engine is missing', () => {
    const run = {
      engine: 'gbdt',
      trials: 16,
      pairs: 10,
      minutes: 241_920,
      workers: 2,
      peak_bytes: 7.5e8,
      cpu_seconds: 210,
      seconds: 140,
      stages: { start: 5e7, 'features and labels': 5.5e8, learning: 7.4e8 },
    };
    const text = renderResult({ machine, training: { runs: [run], missing: { lightgbm: 'no library' } } });
    expect(text).toContain('10 pairs × 241,920 simulated minutes on 2 threads');
    expect(text).toContain('|gbdt|16|140|210|**0.75**|start 0.05, features and labels 0.55, learning 0.74|');
    expect(text).toContain('lightgbm was not measured: no library');
  });

  it('shows where the time of many pairs goes', () => {
    const profile = {
      pairs: 1000,
      minutes: 2,
      daemon_us: { 'shared/core': 2000, pino: 100 },
      null_daemon_us: { pino: 50 },
    };
    const text = renderResult({ machine, profile });
    expect(text).toContain('## Where the time of 1,000 pairs goes');
    expect(text).toContain('|shared/core|2000.0|0.0|\n|**sum**|**2100**|**50**|');
  });

  it('shows the same subjects in several daemons', () => {
    const transports = { websocket: percentiles([1000, 3000]) };
    const runs = [{ daemons: 2, pairs: 500, transports, resident_bytes: 4e8 }];
    const text = renderResult({ machine, shards: { pairs: 1000, minutes: 2, budget_ms: 200, runs } });
    expect(text).toContain('|2|500|WebSocket|1.00/3.00/3.00/3.00|400|');
  });

  it('shows what an installation takes', () => {
    const footprint = [
      {
        pairs: 10,
        minutes: 1440,
        daemon_idle_bytes: 1.2e8,
        daemon_bytes: 1.3e8,
        trainer_bytes: null,
        journal_bytes_per_pair_day: 1.7e6,
        store_bytes_per_pair_day: 9e5,
      },
    ];
    expect(renderResult({ machine, footprint })).toContain('|10|1440|120|130|–|1700|900|');
  });

  it('shows when each stage of a first start is done', () => {
    const done_s = { packages: 13.04, build: 24, history: 29, training: 50 };
    const text = renderResult({
      machine,
      first_start: [{ node: '24.1.0', done_s, signals_s: 51.5, silence_s: 4, packages_mb: 130 }],
    });
    expect(text).toContain('|24.1.0|13.0|24.0|29.0|50.0|**51.5**|4.0|130|');
  });

  it('shows the signals of instruments, at the ends of hours too', () => {
    const text = renderResult({
      machine,
      instruments: {
        symbols: 100,
        timeframes: ['1m', '1h'],
        trees: 100,
        budget_ms: 200,
        minutes: percentiles([1000, 2000]),
        hours: percentiles([3000]),
      },
    });
    expect(text).toContain('|1m|2|100|1.00/2.00/2.00/2.00|');
    expect(text).toContain('|1m and 1h|1|200|3.00/3.00/3.00/3.00|');
    expect(text).toContain('The budget is 200 ms');
  });

  it('shows the time of each station of a backtest, and of the whole', () => {
    const text = renderResult({
      machine,
      backtest: {
        pair: 'EURUSD_GBPUSD',
        trees: 300,
        station_bars: 200_000,
        turns: 3,
        stations: { read: 1, features: 2.5, scores: 1.5, labels: 0.25, decide: 0.5, equity: 0.25 },
        engine_us: 2,
        features_by_engine: 1.25,
        command: {
          bars: 1_000_000,
          threads: 2,
          trades: 7,
          seconds: [5.04, 6],
          cpu_seconds: null,
          us_per_bar: 6,
          by_engine: 3,
        },
      },
    });
    for (const station of BACKTEST_STATIONS) expect(text).toContain(`|${station}|`);
    expect(text).toContain('|**sum**|6.00|');
    expect(text).toContain('of 1,000,000 bars on 2 threads, elapsed: 5.0, 6.0 s (7 trades)');
    expect(text).not.toMatch(/undefined|NaN/);
  });

  it('shows each function of the search, beside the result of Optuna', () => {
    const point = { objective: 'mixed', minimum: 0, trials: 30, ours: 0.0661, optuna: 0.083 } as const;
    const points = [{ ...point, ours_random: 0.281, optuna_random: 0.222 }];
    const text = renderResult({ machine, search: { seeds: 20, points, not_worse: 1, us_per_trial: 900 } });
    expect(text).toContain('|mixed|0.000|30|0.066|0.083|0.281|0.222|');
    expect(text).toContain('at **1 of 1**');
  });
});
