import { setTimeout as sleep } from 'node:timers/promises';
import type { Bar } from '../../shared/bar.ts';
import { collectionOf } from '../../daemon/idle_gc.ts';
import { lowerEngineThreads } from '../../daemon/v8_flags.ts';
import { createRng } from '../../shared/rng.ts';
import type { Rng } from '../../shared/ports.ts';
import { comparePaired } from '../compare/verdict.ts';
import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { percentileRatio, type Turns } from '../turns_ratio.ts';
import type { Measured } from './end_to_end.ts';
import {
  openField,
  TOGETHER,
  type Arrival,
  type Field,
  type Latencies,
  type Sending,
  type Target,
  type Transport,
} from './field.ts';
import { startHelper } from './process.ts';
import {
  processorWaitNs,
  readBatchStages,
  stagesByRank,
  stolenMs,
  type StagesByRank,
  type TimedSignal,
} from './signal_stages.ts';

/**
 * Arrival patterns of a minute's bars: in one message; each symbol at a random time within 2 s; one by one with random
 * gaps of 0 to 3 ms, over one connection or one per symbol; as `burst` while another process locks the journal.
 */
export const PATTERNS = ['together', 'trickle', 'burst', 'burst_connections', 'burst_stalls'] as const;
export type Pattern = (typeof PATTERNS)[number];

export interface ArrivalResult {
  readonly pattern: Pattern;
  readonly pairs: number;
  /** Number of minutes per daemon. */
  readonly minutes: number;
  /** Processor time that the hypervisor took in the blocks of each daemon; null where the system does not tell. */
  readonly stolen_ms: Readonly<Record<Target['kind'], number>> | null;
  /** Microseconds of each signal, from sending the later of its two bars. */
  readonly transports: Readonly<Partial<Record<Transport, ArrivalLatencies>>>;
  /** Where those of the real daemon by WebSocket spend their time; absent in older records. */
  readonly stages?: StagesByRank | null;
}

export interface ArrivalLatencies {
  readonly real: Percentiles;
  readonly null: Percentiles;
  readonly ratio_p50: number;
  /** From medians of alternating blocks, by the sign test. */
  readonly ratio_p50_interval: readonly [low: number, high: number];
  readonly ratio_p99: number;
  readonly ratio_p999: number;
  /** 95 %, from a bootstrap over alternating blocks. */
  readonly ratio_p999_interval: readonly [low: number, high: number];
}

export interface ArrivalOptions {
  readonly pairs: number;
  /** Minutes per pattern and daemon; default 4,000, and 12 % of that where a minute takes 2 s. */
  readonly minutes?: number;
  readonly print: (line: string) => void;
}

const MINUTES = 4000;
const TRICKLE_MS = 2000;
const BURST_GAP_MS = 3;
const TRICKLE_SHARE = 0.12;
/** Between minutes. Without rest, as in no market, a hypervisor takes the processors away twice as often. */
const REST_MS = 25;
const BLOCK_MINUTES = 10;
/** Threads sweep behind a collection. */
const SWEEP_MS = 20;
/** Until the real daemon expects no more bars, and leaves the processors to the null daemon. */
const IDLE_MINUTES = 2;
/** Minimum number of blocks for an interval. */
const INTERVAL_BLOCKS = 10;
/** Until then background threads of V8 hold processors: p99 of `together` falls from 4.8 to 1.1 ms. */
const WARM_UP_MINUTES = 2000;
/** Then V8 compiles for lone bars, in threads that consumers wait for. */
const BURST_WARM_UP_MINUTES = 1000;
/** Duration and period of the journal locks. */
const STALL = { heldMs: 100, everyMs: 5000 };

/** Blocks of the real and the null daemon alternate within each pattern. */
export async function benchArrival({ pairs, minutes, print }: ArrivalOptions): Promise<ArrivalResult[]> {
  lowerEngineThreads();
  const { trained } = await benchModels(print);
  const field = await openField({ pairs, bundles: [trained], withNull: true, connectionPerSymbol: true });
  try {
    await inTurns(field, TOGETHER, Math.min(WARM_UP_MINUTES, minutes ?? Infinity));
    const burst = arrivalOf('burst', createRng('arrival warm-up'));
    await inTurns(field, burst, Math.min(BURST_WARM_UP_MINUTES, minutes ?? Infinity));
    const results: ArrivalResult[] = [];
    for (const pattern of PATTERNS) {
      const count = Math.ceil((minutes ?? MINUTES) * (pattern === 'trickle' ? TRICKLE_SHARE : 1));
      print(`${pairs} pairs, ${pattern}: ${count} minutes …`);
      results.push(await measurePattern(field, pattern, count));
    }
    return results;
  } finally {
    await field.close();
  }
}

/** @param field with one connection per symbol for the pattern `burst_connections` */
export async function measurePattern(field: Field, pattern: Pattern, minutes: number): Promise<ArrivalResult> {
  const stall = pattern === 'burst_stalls' ? startHelper('stall', { path: field.journalPath, ...STALL }) : null;
  try {
    const arrival = arrivalOf(pattern, createRng(`arrival ${pattern}`));
    await field.pauses();
    const timed: TimedSignal[] = [];
    const real = withWaits(field, timed);
    const measured = await inTurns({ ...field, real }, arrival, minutes);
    const transports = field.transports.map((transport) => [transport, compareSignals(measured, transport)]);
    return {
      pattern,
      pairs: field.pairs.length,
      minutes,
      stolen_ms: measured.stolen,
      transports: Object.fromEntries(transports) as never,
      stages: stagesByRank(timed, await readBatchStages(field.logFolder, timed.at(-1)!), await field.pauses()),
    };
  } finally {
    await stall?.end();
  }
}

/** The real daemon, whose signals are noted. */
function withWaits({ real, pairs, consumerPid }: Field, timed: TimedSignal[]): Target {
  const pids = [real.helper.pid, consumerPid];
  const minute = async (arrival?: Arrival): Promise<Latencies> => {
    const beforeNs = processorWaitNs(pids);
    const latencies = await real.minute(arrival);
    const waitedUs = (processorWaitNs(pids) - beforeNs) / 1000;
    const { timestamp, sentNs, signals } = latencies;
    pairs.forEach((pairId, i) =>
      timed.push({ pairId, timestamp, sentNs: sentNs[i]!, us: signals.websocket![i]!, waitedUs }),
    );
    return latencies;
  };
  return { ...real, minute };
}

/** Of blocks by turns. */
type InTurns = Measured & { readonly stolen: ArrivalResult['stolen_ms'] };

async function inTurns(field: Field, arrival: Arrival, minutes: number): Promise<InTurns> {
  const measured: { real: Latencies[]; null: Latencies[] } = { real: [], null: [] };
  const stolen = { real: 0, null: 0 };
  let minuteMs = 0;
  for (let done = 0; done < minutes; done += BLOCK_MINUTES) {
    await collectGarbage(field);
    const count = Math.min(BLOCK_MINUTES, minutes - done);
    const order = (done / BLOCK_MINUTES) % 2 === 0 ? [field.real, field.null!] : [field.null!, field.real];
    for (const target of order) {
      if (target === field.null) await sleep(IDLE_MINUTES * minuteMs);
      const startMs = performance.now();
      const stolenBefore = stolenMs();
      for (let i = 0; i < count; i++) {
        measured[target.kind].push(await target.minute(arrival));
        await sleep(REST_MS);
      }
      minuteMs = (performance.now() - startMs) / count;
      stolen[target.kind] += stolenMs() - stolenBefore;
    }
  }
  return { ...measured, stolen: Number.isNaN(stolen.real) ? null : stolen };
}

const collect = collectionOf('major');

/** Of the sender and the consumers, whose threads would hold all processors for up to 8 ms amid a minute. */
async function collectGarbage(field: Field): Promise<void> {
  collect();
  await field.collectConsumers();
  await sleep(SWEEP_MS);
}

export function arrivalOf(pattern: Pattern, rng: Rng): Arrival {
  if (pattern === 'together') return TOGETHER;
  if (pattern === 'trickle') return (bars) => oneByOne(bars, () => rng.uniform() * TRICKLE_MS, false);
  return (bars) => {
    let delayMs = 0;
    const shuffled = oneByOne(bars, () => rng.uniform(), false).flatMap((sending) => sending.bars);
    return oneByOne(shuffled, () => (delayMs += rng.uniform() * BURST_GAP_MS), pattern === 'burst_connections');
  };
}

function oneByOne(bars: readonly Bar[], delayMs: () => number, hasOwnConnections: boolean): Sending[] {
  const connectionOf = new Map([...bars.map(({ symbol }) => symbol)].sort().map((symbol, index) => [symbol, index]));
  return bars
    .map((bar) => ({
      delayMs: delayMs(),
      connection: hasOwnConnections ? connectionOf.get(bar.symbol)! : 0,
      bars: [bar],
    }))
    .sort((a, b) => a.delayMs - b.delayMs);
}

function compareSignals(measured: Measured, transport: Transport): ArrivalLatencies {
  const of = (latencies: readonly Latencies[]): Percentiles =>
    percentiles(latencies.flatMap(({ signals }) => signals[transport] ?? []));
  const real = of(measured.real);
  const base = of(measured.null);
  const turns = turnsOf(measured, transport);
  return {
    real,
    null: base,
    ratio_p50: real.p50 / base.p50,
    ratio_p50_interval: p50Interval(turns),
    ratio_p99: real.p99 / base.p99,
    ratio_p999: real.p999 / base.p999,
    ratio_p999_interval: percentileRatio(turns, 0.999).interval,
  };
}

function p50Interval(turns: readonly Turns[]): [low: number, high: number] {
  const { low, high } = comparePaired(
    turns.map(({ one }) => percentiles(one).p50),
    turns.map(({ both }) => percentiles(both).p50),
  );
  return [low, high];
}

/** Whole blocks of the null daemon and the real one. */
function turnsOf({ real, null: base }: Measured, transport: Transport): Turns[] {
  const size = Math.max(1, Math.min(BLOCK_MINUTES, Math.floor(real.length / INTERVAL_BLOCKS)));
  const signals = (latencies: readonly Latencies[], block: number): number[] =>
    latencies.slice(block * size, (block + 1) * size).flatMap((minute) => minute.signals[transport] ?? []);
  return Array.from({ length: Math.floor(real.length / size) }, (_, block) => ({
    one: signals(base, block),
    both: signals(real, block),
  }));
}
