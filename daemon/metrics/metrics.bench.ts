import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as loopTurn, setTimeout as sleep } from 'node:timers/promises';
import { Counter, Histogram, Registry } from 'prom-client';
import { openDaemonLogs, type LoggedSignal } from '../log/log.ts';
import type { BatchTiming } from '../pipeline.ts';
import { LATENCY_BUCKETS_SECONDS } from './latency.ts';
import { batchOf, QUIET_SOURCES, timingOf } from './metrics.fixture.ts';
import { createMetrics } from './metrics.ts';
import { watchProcess } from './process_watch.ts';

/** Reasons a pair's signals have in the long run: as many series of `minutehand_signals_total` for each. */
const REASONS = ['NO_EDGE', 'NO_SETUP', 'PROB_LOW', 'RISK_HIGH', 'IN_POSITION', 'LEG_MISSING'] as const;
const WARM_UP_BARS = 300;

export interface AccountsBench {
  readonly pairs: number;
  readonly series: number;
  /** Microseconds per bar that the next bar would wait. */
  readonly metrics_us: readonly number[];
  readonly logs_us: readonly number[];
  /** The same counts and observations with prom-client's own counter, labels and all. */
  readonly plain_metrics_us: readonly number[];
  /** Milliseconds from the begin of a scrape to its text, and the longest time in it that a bar would wait. */
  readonly scrape_ms: readonly number[];
  readonly scrape_hold_ms: readonly number[];
  /** The longest time that prom-client holds the loop for the same series: all of its scrape. */
  readonly plain_scrape_hold_ms: readonly number[];
}

/** What metrics, logs and scrapes take from the time of bars, beside prom-client used plainly, in one run. */
export async function benchAccounts(
  pairs: number,
  bars: number,
  pauseMs: number,
  scrapes: number,
): Promise<AccountsBench> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-accounts-'));
  const logs = openDaemonLogs({ folder, level: 'info', shard: 'main', budgetMs: 200 });
  const watch = watchProcess();
  try {
    const metrics = createMetrics(QUIET_SOURCES, watch);
    const plain = createPlainMetrics();
    const batches = REASONS.map((reason) => batchOf(pairs, { reason }));
    const timing = timingOf({});
    const metricsUs: number[] = [];
    const logsUs: number[] = [];
    const plainUs: number[] = [];
    for (let bar = -WARM_UP_BARS; bar < bars; bar++) {
      const batch = batches[(bar + WARM_UP_BARS) % batches.length]!;
      const observed = elapsedUs(() => metrics.signals(batch, timing));
      const logged = elapsedUs(() => logs.batch(batch, timing, null, 'boot'));
      const plainly = elapsedUs(() => plain.signals(batch, timing));
      await (pauseMs === 0 ? loopTurn() : sleep(pauseMs));
      if (bar < 0) continue;
      metricsUs.push(observed);
      logsUs.push(logged);
      plainUs.push(plainly);
    }
    const scrapeMs: number[] = [];
    const holdMs: number[] = [];
    const plainHoldMs: number[] = [];
    for (let scrape = 0; scrape < scrapes; scrape++) {
      const startMs = performance.now();
      holdMs.push(await longestHoldMs(() => metrics.text()));
      scrapeMs.push(performance.now() - startMs);
      plainHoldMs.push(await longestHoldMs(() => plain.text()));
    }
    return {
      pairs,
      series: pairs * REASONS.length,
      metrics_us: metricsUs,
      logs_us: logsUs,
      plain_metrics_us: plainUs,
      scrape_ms: scrapeMs,
      scrape_hold_ms: holdMs,
      plain_scrape_hold_ms: plainHoldMs,
    };
  } finally {
    watch.close();
    await logs.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The longest time between two turns of the loop while `work` goes on. */
async function longestHoldMs(work: () => Promise<unknown>): Promise<number> {
  let done = false;
  await loopTurn();
  let lastMs = performance.now();
  let longestMs = 0;
  const working = work().then(() => (done = true));
  while (!done) {
    await loopTurn();
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  await working;
  return longestMs;
}

function elapsedUs(work: () => void): number {
  const startMs = performance.now();
  work();
  return (performance.now() - startMs) * 1000;
}

function createPlainMetrics(): {
  signals(batch: readonly LoggedSignal[], timing: BatchTiming): void;
  text(): Promise<string>;
} {
  const registers = [new Registry()];
  const labelNames = ['pair_id', 'action', 'reason', 'mode'];
  const signals = new Counter({ name: 'signals_total', help: 'Signals.', labelNames, registers });
  const histogram = (name: string, labels: string[]): Histogram =>
    new Histogram({ name, help: name, labelNames: labels, buckets: [...LATENCY_BUCKETS_SECONDS], registers });
  const station = histogram('station', ['station']);
  const inference = histogram('inference', []);
  const transport = histogram('transport', ['transport']);
  return {
    signals(batch, timing) {
      for (const { body } of batch) {
        signals.inc({ pair_id: body.pair_id, action: body.action, reason: body.reason, mode: body.mode });
      }
      for (const name of ['features', 'infer', 'decide', 'publish', 'file', 'journal'] as const) {
        station.observe({ station: name }, timing[`${name}_us`] / 1e6);
      }
      inference.observe(timing.infer_us / 1e6);
      for (const name of ['websocket', 'redis', 'file'] as const)
        transport.observe({ transport: name }, (timing.bar_to_us[name] ?? 0) / 1e6);
    },
    text: () => registers[0]!.metrics(),
  };
}
