import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { openField, type Latencies, type Transport } from './field.ts';
import { createPace } from './pace.ts';
import { startTraining, trainingWays, type Training, type TrainingWay } from './training.ts';

/** Maximum p99 during a retrain, relative to the p99 without. */
export const RETRAINING_LIMIT = 1.5;
const WARM_UP_MINUTES = 200;
/** Short compared with other load on the machine, long compared with the minutes after a change. */
const BLOCK_MINUTES = 40;
/** Minutes discarded at the start of a block, while what was stopped settles. */
const SETTLING_MINUTES = 4;

/** Microseconds during training, and their ratios to those without. */
export interface WhileTraining {
  readonly latencies: Percentiles;
  readonly ratio_p50: number;
  readonly ratio_p99: number;
}

export interface RetrainingResult {
  readonly pairs: number;
  readonly pace_ms: number;
  /** Measured minutes without training, and with each method. */
  readonly minutes: number;
  readonly without: Readonly<Partial<Record<Transport, Percentiles>>>;
  /** The first is the trainer's method. */
  readonly ways: readonly {
    readonly name: string;
    readonly workers: number;
    /** Runs that ended during the bench. */
    readonly runs: number;
    readonly transports: Readonly<Partial<Record<Transport, WhileTraining>>>;
  }[];
}

export interface RetrainingOptions {
  readonly pairs: number;
  /** Minutes without training, and with each method. */
  readonly minutes: number;
  readonly paceMs: number;
  readonly ways?: readonly TrainingWay[];
  readonly print: (line: string) => void;
}

/**
 * Effect of a full retrain on the daemon's latency: the same daemon receives minutes at a fixed pace, in blocks that
 * alternate between no training and `minutehand train`, started as the trainer starts it and in other ways. Outside its
 * block a training is suspended (SIGSTOP), so that all blocks have the same daemon, memory use and machine noise.
 */
export async function benchRetraining(options: RetrainingOptions): Promise<RetrainingResult> {
  const { pairs, paceMs, print } = options;
  const ways = options.ways ?? trainingWays();
  const field = await openField({ pairs, bundles: (await benchModels(print)).random, withNull: false });
  const trainings: Training[] = [];
  try {
    for (const way of ways) {
      const training = await startTraining(way);
      training.pause();
      trainings.push(training);
    }
    for (let i = 0; i < WARM_UP_MINUTES; i++) await field.real.minute();
    print(`${pairs} pairs, a minute each ${paceMs} ms, by turns without and with training …`);
    const without: Latencies[] = [];
    const during = ways.map((): Latencies[] => []);
    const pace = createPace(paceMs);
    const block = async (own: Training | null, latencies: Latencies[]): Promise<void> => {
      own?.resume();
      for (let i = -SETTLING_MINUTES; i < BLOCK_MINUTES; i++) {
        // A run that has ended is followed by a new one, which is not paused yet.
        for (const other of trainings) if (other !== own) other.pause();
        await pace();
        const minute = await field.real.minute();
        if (i >= 0) latencies.push(minute);
      }
      own?.pause();
    };
    while (without.length < options.minutes) {
      await block(null, without);
      for (const [i, training] of trainings.entries()) await block(training, during[i]!);
    }
    const transports = <T>(of: (transport: Transport) => T): Partial<Record<Transport, T>> =>
      Object.fromEntries(field.transports.map((transport) => [transport, of(transport)]));
    return {
      pairs,
      pace_ms: paceMs,
      minutes: without.length,
      without: transports((transport) => percentilesOf(without, transport)),
      ways: ways.map(({ name, workers }, i) => ({
        name,
        workers,
        runs: trainings[i]!.runs,
        transports: transports((transport) => whileTraining(without, during[i]!, transport)),
      })),
    };
  } finally {
    for (const training of trainings) await training.end();
    await field.close();
  }
}

type Minutes = readonly Pick<Latencies, Transport>[];

/** Excludes minutes that a transport missed. */
function percentilesOf(minutes: Minutes, transport: Transport): Percentiles {
  return percentiles(minutes.map((one) => one[transport]).filter((us) => !Number.isNaN(us)));
}

export function whileTraining(without: Minutes, during: Minutes, transport: Transport): WhileTraining {
  const base = percentilesOf(without, transport);
  const latencies = percentilesOf(during, transport);
  return { latencies, ratio_p50: latencies.p50 / base.p50, ratio_p99: latencies.p99 / base.p99 };
}
