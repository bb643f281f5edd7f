import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pause } from './field.ts';

/** Percentiles of latency, from and to. */
const RANKS = { middle: [45, 55], slowest: [99, 100] } as const;
const LOG_PATIENCE_MS = 5000;
const LOG_POLL_MS = 100;

/** A signal of the real daemon by WebSocket. */
export interface TimedSignal {
  readonly pairId: string;
  /** Close of its bar. */
  readonly timestamp: string;
  /** When the later of its bars was sent. */
  readonly sentNs: number;
  readonly us: number;
  /** How long daemon and consumer waited for a processor in this minute; NaN where the system does not tell. */
  readonly waitedUs: number;
}

export const STAGES = ['outside', 'queue', 'features', 'infer', 'decide', 'publish'] as const;
/**
 * outside: kernel, reading and parsing before, and the consumer behind. queue: the loop turn, and what came first.
 * publish: envelope and socket.
 */
export type Stage = (typeof STAGES)[number];

/** Microseconds of a batch in the daemon. */
export type BatchStages = Readonly<Record<Exclude<Stage, 'outside'>, number>>;

/** Means over signals, microseconds. */
export type SignalStages = Readonly<Record<Stage, number>> & {
  readonly signals: number;
  readonly total: number;
  /** Garbage collections of the daemon meanwhile, which are parts of stages. */
  readonly collections: number;
  /** See `TimedSignal.waitedUs`; null instead of NaN. */
  readonly waited: number | null;
};

/** Signals around the median, and the slowest 1 %. */
export interface StagesByRank {
  readonly middle: SignalStages;
  readonly slowest: SignalStages;
}

type SignalKey = Pick<TimedSignal, 'pairId' | 'timestamp'>;
type StagesOf<Signal> = (signal: Signal) => BatchStages | undefined;

const keyOf = ({ pairId, timestamp }: SignalKey): string => `${pairId} ${timestamp}`;

/** @returns null when the daemon's log has none of them */
export function stagesByRank(
  signals: readonly TimedSignal[],
  batchOf: StagesOf<TimedSignal>,
  pauses: readonly Pause[],
): StagesByRank | null {
  const stagesOf = (signal: TimedSignal): BatchStages | undefined => sinceSent(signal, batchOf(signal));
  const known = signals.filter((signal) => stagesOf(signal) !== undefined).sort((a, b) => a.us - b.us);
  if (known.length === 0) return null;
  const between = ([from, to]: readonly [number, number]): SignalStages =>
    meansOf(
      known.slice(Math.floor((from * known.length) / 100), Math.ceil((to * known.length) / 100)),
      stagesOf,
      pauses,
    );
  return { middle: between(RANKS.middle), slowest: between(RANKS.slowest) };
}

/** A batch queues from its first bar on, which may have been sent before this signal's. */
function sinceSent({ us }: TimedSignal, batch: BatchStages | undefined): BatchStages | undefined {
  if (batch === undefined) return undefined;
  const { queue, features, infer, decide, publish } = batch;
  return { ...batch, queue: Math.min(queue, us - features - infer - decide - publish) };
}

function meansOf(
  signals: readonly TimedSignal[],
  stagesOf: StagesOf<TimedSignal>,
  pauses: readonly Pause[],
): SignalStages {
  const mean = (of: (signal: TimedSignal) => number): number =>
    signals.reduce((sum, signal) => sum + of(signal), 0) / signals.length;
  const stage = (name: keyof BatchStages): number => mean((signal) => stagesOf(signal)![name]);
  const total = mean(({ us }) => us);
  const waited = mean(({ waitedUs }) => waitedUs);
  const inside: BatchStages = {
    queue: stage('queue'),
    features: stage('features'),
    infer: stage('infer'),
    decide: stage('decide'),
    publish: stage('publish'),
  };
  return {
    ...inside,
    signals: signals.length,
    total,
    outside: total - Object.values(inside).reduce((sum, us) => sum + us),
    collections: mean((signal) => pauses.reduce((sum, pause) => sum + overlapUs(signal, pause), 0)),
    waited: Number.isNaN(waited) ? null : waited,
  };
}

function overlapUs({ sentNs, us }: TimedSignal, pause: Pause): number {
  const from = Math.max(sentNs, pause.atNs);
  const to = Math.min(sentNs + 1000 * us, pause.atNs + 1000 * pause.us);
  return Math.max(0, to - from) / 1000;
}

/** A line of `signal_dispatch.log`, and one of `inference.log`. */
interface DispatchLine {
  readonly bar: string;
  readonly ids: string;
  readonly bar_to_websocket_us: number;
  readonly bar_to_redis_us: number | null;
  readonly publish_us: number;
}
interface InferenceLine {
  readonly ids: string;
  readonly features_us: number;
  readonly infer_us: number;
  readonly decide_us: number;
}

/**
 * Reads the times of the daemon's batches from its logs, once they have that of the last signal.
 * @returns by pair and close
 */
export async function readBatchStages(folder: string, last: SignalKey): Promise<StagesOf<SignalKey>> {
  for (const deadline = performance.now() + LOG_PATIENCE_MS; ; await sleep(LOG_POLL_MS)) {
    const stages = batchStages(linesOf(folder, 'signal_dispatch'), linesOf(folder, 'inference'));
    if (stages.has(keyOf(last)) || performance.now() > deadline) return (signal) => stages.get(keyOf(signal));
  }
}

/** The lines that have been written whole, of all files of a log. */
function linesOf<Line>(folder: string, log: string): Line[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(log))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as Line);
}

function batchStages(
  dispatched: readonly DispatchLine[],
  inferred: readonly InferenceLine[],
): Map<string, BatchStages> {
  const inferenceOf = new Map(inferred.flatMap((line) => line.ids.split(' ').map((id) => [id, line] as const)));
  const stages = new Map<string, BatchStages>();
  for (const { bar, ids, bar_to_websocket_us, bar_to_redis_us, publish_us } of dispatched) {
    const [first] = ids.split(' ');
    const inference = inferenceOf.get(first!.slice(first!.lastIndexOf(':') + 1));
    if (inference === undefined) continue;
    const { features_us: features, infer_us: infer, decide_us: decide } = inference;
    // Redis has the batch behind WebSocket, in the same station.
    const publish = publish_us - Math.max(0, (bar_to_redis_us ?? bar_to_websocket_us) - bar_to_websocket_us);
    const queue = bar_to_websocket_us - features - infer - decide - publish;
    for (const id of ids.split(' '))
      stages.set(keyOf({ pairId: id.slice(0, id.indexOf(':')), timestamp: bar }), {
        queue,
        features,
        infer,
        decide,
        publish,
      });
  }
  return stages;
}

/** Nanoseconds for which the main threads of these processes were ready, but had no processor; NaN without Linux. */
export function processorWaitNs(pids: readonly number[]): number {
  try {
    return pids.reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]), 0);
  } catch {
    return NaN;
  }
}

const TICK_MS = 10;
const STEAL_COLUMN = 7;

/**
 * Processor time that the hypervisor has given to others, of all processors, in whole ticks; NaN where the system does
 * not tell. Source: proc(5), /proc/stat.
 */
export function stolenMs(path = '/proc/stat'): number {
  try {
    return TICK_MS * Number(/^cpu +(.*)/.exec(readFileSync(path, 'latin1'))![1]!.split(' ')[STEAL_COLUMN]);
  } catch {
    return NaN;
  }
}
