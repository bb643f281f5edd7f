import { setPriority } from 'node:os';
import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { percentileRatio, type TurnsRatio } from '../turns_ratio.ts';
import type { BrowsersArgument } from './browsers_program.ts';
import { openField, type DaemonArgument, type Latencies, type Transport } from './field.ts';
import { createPace } from './pace.ts';
import { startHelper } from './process.ts';
import { asScheduled, startTraining } from './training.ts';

/** Maximum p99 with browsers and training, relative to the p99 without. */
export const BROWSERS_LIMIT = 1.1;
const BROWSERS = 50;
/** As in `up` and minutehand-trainer.service; browsers have a machine of their own. */
const TRAINER_NICE = 10;
const WARM_UP_MINUTES = 200;
const BLOCK_MINUTES = 30;
/** Minutes discarded at the start of a block, while what was stopped settles. */
const SETTLING_MINUTES = 4;

/** Microseconds of both kinds of minutes, and their p99 ratio over turns. */
export interface WithBrowsers {
  readonly without: Percentiles;
  readonly with: Percentiles;
  readonly p99_ratio: TurnsRatio;
}

export interface BrowsersResult {
  readonly pairs: number;
  readonly pace_ms: number;
  readonly browsers: number;
  /** Minutes of each kind. */
  readonly minutes: number;
  /** Signals that the browsers received. */
  readonly events: number;
  readonly transports: Readonly<Partial<Record<Transport, WithBrowsers>>>;
}

/**
 * Effect of 50 open dashboards and a training on the daemon's latency: the same daemon receives minutes at a fixed
 * pace, in turns of a block without and a block with both, in alternating order. The trainer that serves the dashboards
 * stays connected throughout.
 */
export async function benchBrowsers(options: {
  readonly pairs: number;
  readonly minutes: number;
  readonly paceMs: number;
  readonly print: (line: string) => void;
}): Promise<BrowsersResult> {
  const { pairs, paceMs, print } = options;
  const field = await openField({ pairs, bundles: (await benchModels(print)).random, withNull: false });
  const training = await startTraining(asScheduled());
  training.pause();
  const argument: DaemonArgument = { settingsPath: field.settingsPath, home: field.home };
  const trainer = startHelper('trainer', argument);
  setPriority(trainer.pid, TRAINER_NICE);
  const { port, token } = await trainer.next<BrowsersArgument>((message) => message.port !== undefined);
  const browsers = startHelper('browsers', { port, token, count: BROWSERS } satisfies BrowsersArgument);
  setPriority(browsers.pid, TRAINER_NICE);
  let events = 0;
  const openBrowsers = async (isOpen: boolean): Promise<void> => {
    const counted = browsers.next<{ events: number }>((message) => message.events !== undefined);
    browsers.send({ isOpen });
    ({ events } = await counted);
  };
  try {
    await browsers.next<{ ready: true }>((message) => message.ready === true);
    for (let i = 0; i < WARM_UP_MINUTES; i++) await field.real.minute();
    const pace = createPace(paceMs);
    const block = async (isLoaded: boolean): Promise<Latencies[]> => {
      await openBrowsers(isLoaded);
      if (isLoaded) training.resume();
      const latencies: Latencies[] = [];
      for (let i = -SETTLING_MINUTES; i < BLOCK_MINUTES; i++) {
        // A run that has ended is followed by a new one, which is not paused yet.
        if (!isLoaded) training.pause();
        await pace();
        const minute = await field.real.minute();
        if (i >= 0) latencies.push(minute);
      }
      training.pause();
      return latencies;
    };
    print(
      `${pairs} pairs, a minute each ${paceMs} ms, by turns without and with ${BROWSERS} browsers and a training …`,
    );
    const turns: Turn[] = [];
    while (turns.length * BLOCK_MINUTES < options.minutes) {
      const first = await block(turns.length % 2 === 1);
      const second = await block(turns.length % 2 === 0);
      turns.push(turns.length % 2 === 1 ? { one: second, both: first } : { one: first, both: second });
    }
    await openBrowsers(false);
    if (events === 0) throw new Error('the browsers of the bench received no signal');
    return {
      pairs,
      pace_ms: paceMs,
      browsers: BROWSERS,
      minutes: turns.length * BLOCK_MINUTES,
      events,
      transports: Object.fromEntries(field.transports.map((transport) => [transport, compare(turns, transport)])),
    };
  } finally {
    await browsers.end();
    await trainer.end();
    await training.end();
    await field.close();
  }
}

interface Turn {
  readonly one: readonly Latencies[];
  readonly both: readonly Latencies[];
}

/** Without the minutes that the transport missed. */
function compare(turns: readonly Turn[], transport: Transport): WithBrowsers {
  const of = (minutes: readonly Latencies[]): number[] =>
    minutes.map((one) => one[transport]).filter((us) => !Number.isNaN(us));
  const own = turns.map(({ one, both }) => ({ one: of(one), both: of(both) }));
  return {
    without: percentiles(own.flatMap(({ one }) => one)),
    with: percentiles(own.flatMap(({ both }) => both)),
    p99_ratio: percentileRatio(own, 0.99),
  };
}
