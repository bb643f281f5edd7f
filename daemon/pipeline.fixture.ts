import type { Bar, EpochMs, OpenTime } from '../shared/bar.ts';
import { minutes, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { parsePair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Signal, SignalBody } from '../shared/signal/signal.ts';
import { verifyAnySignal } from '../shared/signal/verify_instrument.ts';
import type { InputRow, ShadowRow, SignalRow } from '../shared/store/journal.ts';
import { barInput } from './queue/input.ts';
import { NO_JOURNAL, type Journal } from './journal/journal.ts';
import type { ScreenedBar } from './align/suspects.ts';
import { Pipeline } from './pipeline.ts';
import { pipelineSettings, type PipelineOptions } from './options/pipeline_options.ts';

export const START_MS = Date.parse('2025-10-14T12:00:00Z');

/** A real pipeline with a manual clock, which records all its output. */
export interface Bench {
  readonly pipeline: Pipeline;
  /** Every signal, read as a consumer must: a bad checksum or a contradiction throws. */
  readonly signals: Signal[];
  readonly texts: string[];
  readonly inputs: InputRow[];
  readonly rows: SignalRow[];
  readonly shadows: ShadowRow[];
  readonly failures: { code: unknown; failed: string; fallback: string | null }[];
  readonly swaps: string[];
  readonly screened: ScreenedBar[];
  /** Number of signals in each batch. */
  readonly batches: number[];
  passMs(ms: number): void;
}

export function openBench(settings: Settings, changes: Partial<PipelineOptions> = {}): Bench {
  const { minutehand } = settings;
  let passedMs = 0;
  const bench: Omit<Bench, 'pipeline'> = {
    signals: [],
    texts: [],
    inputs: [],
    rows: [],
    shadows: [],
    failures: [],
    swaps: [],
    screened: [],
    batches: [],
    passMs: (ms) => void (passedMs += ms),
  };
  const journal: Journal = {
    ...NO_JOURNAL,
    input: (row) => void bench.inputs.push(row),
    signal: (row) => void bench.rows.push(row),
    shadow: (row) => void bench.shadows.push(row),
  };
  const pipeline = new Pipeline({
    pairs: minutehand.pairs.map(parsePair),
    ...pipelineSettings(settings),
    market: 'simulated',
    bootId: '20251014T120000000Z',
    feedIntervalMs: minutehand.feed.interval_ms,
    restMs: 0,
    scheduler: MACHINE_SCHEDULER,
    clock: { nowMs: () => (START_MS + passedMs) as EpochMs, monotonicUs: () => passedMs * 1000 },
    sockets: [
      {
        name: 'websocket',
        failures: 0,
        publish(batch) {
          bench.batches.push(batch.length);
          for (const { text } of batch) {
            bench.texts.push(text);
            bench.signals.push(verifyAnySignal(text, START_MS + passedMs) as Signal);
          }
        },
        close: () => Promise.resolve(),
      },
    ],
    files: [],
    journal,
    observer: {
      onSignals: () => undefined,
      onSwap: (set) => bench.swaps.push(set.version),
      onModelFailure: (error, failed, fallback) =>
        bench.failures.push({
          code: (error as { code?: unknown }).code,
          failed: failed.version,
          fallback: fallback?.version ?? null,
        }),
      onScreened: (bar) => void bench.screened.push(bar),
      onChallengerFailure: (error, failed, rolloutId) =>
        bench.failures.push({ code: (error as { code?: unknown }).code, failed: failed.version, fallback: rolloutId }),
      onRuleFailure: (error, { version, instrument }) =>
        bench.failures.push({ code: (error as { code?: unknown }).code, failed: version, fallback: instrument }),
      onRuleShadowFailure: (error, { version, instrument }) =>
        bench.failures.push({
          code: (error as { code?: unknown }).code,
          failed: version,
          fallback: `shadow of ${instrument}`,
        }),
      onShadowFailure: (error, failed) =>
        bench.failures.push({
          code: (error as { code?: unknown }).code,
          failed: failed.version,
          fallback: failed.slot,
        }),
    },
    ...changes,
  });
  return { ...bench, pipeline };
}

/** Recorded bars, minute by minute. */
export function byMinute(bars: ReadonlyMap<string, BarColumns>): { time: OpenTime; bars: Bar[] }[] {
  return [...minutes(bars)].map(({ time, bars: ofMinute }) => ({ time, bars: [...ofMinute] }));
}

/** Recorded bars by minute, and a way to take them. */
export function marketOf(bars: ReadonlyMap<string, BarColumns>) {
  const market = byMinute(bars);
  return {
    market,
    barOf: (symbol: string, index: number): Bar => market[index]!.bars.find((bar) => bar.symbol === symbol)!,
    minute: (index: number): OpenTime => market[index]!.time,
    takeMinutes({ pipeline }: Pick<Bench, 'pipeline'>, from: number, to: number): void {
      for (const { bars: ofMinute } of market.slice(from, to))
        for (const bar of ofMinute) pipeline.inputs.take(barInput(bar, false));
    },
  };
}

/** The journaled bodies of one pair, in order. */
export function bodiesOf(rows: readonly SignalRow[], pairId: string): string[] {
  return rows.filter((row) => row.pairId === pairId).map((row) => row.body);
}

export function bodyOf(row: { readonly body: string }): SignalBody {
  return JSON.parse(`${row.body}}`) as SignalBody;
}

/** A verified set whose answers go through `change`, to make it fail as no file on disk can be made to. */
export function withInference(set: ModelSet, change: (infer: ModelSet['infer']) => ModelSet['infer']): ModelSet {
  return { ...set, hasEdge: set.hasEdge, infer: change(set.infer), release: () => Promise.resolve() };
}
