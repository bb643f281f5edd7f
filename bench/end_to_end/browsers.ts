import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import type { BrowsersArgument } from './browsers_program.ts';
import { openField, type DaemonArgument, type Latencies, type Transport } from './field.ts';
import { createPace } from './pace.ts';
import { startHelper } from './process.ts';
import { whileTraining, type WhileTraining } from './retraining.ts';
import { AS_SCHEDULED, startTraining } from './training.ts';

/** Maximum p99 with browsers and training, relative to the p99 without. */
export const BROWSERS_LIMIT = 1.1;
const BROWSERS = 50;
const WARM_UP_MINUTES = 200;
const BLOCK_MINUTES = 30;
/** Minutes discarded at the start of a block, while what was stopped settles. */
const SETTLING_MINUTES = 4;

export interface BrowsersResult {
  readonly pairs: number;
  readonly pace_ms: number;
  readonly browsers: number;
  /** Minutes of each kind. */
  readonly minutes: number;
  /** Signals that the browsers received. */
  readonly events: number;
  readonly without: Readonly<Partial<Record<Transport, Percentiles>>>;
  readonly ways: readonly {
    readonly name: string;
    readonly transports: Readonly<Partial<Record<Transport, WhileTraining>>>;
  }[];
}

/**
 * Effect of 50 open dashboards and a training on the daemon's latency: the same daemon receives minutes at a fixed
 * pace, in blocks that alternate between neither, the dashboards, and the dashboards with a training. The trainer that
 * serves the dashboards stays connected throughout.
 */
export async function benchBrowsers(options: {
  readonly pairs: number;
  readonly minutes: number;
  readonly paceMs: number;
  readonly print: (line: string) => void;
}): Promise<BrowsersResult> {
  const { pairs, paceMs, print } = options;
  const field = await openField({ pairs, bundles: (await benchModels(print)).random, withNull: false });
  const training = await startTraining(AS_SCHEDULED);
  training.pause();
  const argument: DaemonArgument = { settingsPath: field.settingsPath, home: field.home };
  const trainer = startHelper('trainer', argument);
  const { port, token } = await trainer.next<BrowsersArgument>((message) => message.port !== undefined);
  const browsers = startHelper('browsers', { port, token, count: BROWSERS } satisfies BrowsersArgument);
  let events = 0;
  browsers.onMessage((message) => (events = (message as { events?: number }).events ?? events));
  try {
    await browsers.next<{ ready: true }>((message) => message.ready === true);
    for (let i = 0; i < WARM_UP_MINUTES; i++) await field.real.minute();
    const pace = createPace(paceMs);
    const block = async (isOpen: boolean, isTraining: boolean, latencies: Latencies[]): Promise<void> => {
      browsers.send({ isOpen });
      if (isTraining) training.resume();
      for (let i = -SETTLING_MINUTES; i < BLOCK_MINUTES; i++) {
        // A run that has ended is followed by a new one, which is not paused yet.
        if (!isTraining) training.pause();
        await pace();
        const minute = await field.real.minute();
        if (i >= 0) latencies.push(minute);
      }
      training.pause();
    };
    print(
      `${pairs} pairs, a minute each ${paceMs} ms, by turns without and with ${BROWSERS} browsers and a training …`,
    );
    const [without, open, both]: [Latencies[], Latencies[], Latencies[]] = [[], [], []];
    while (without.length < options.minutes) {
      await block(false, false, without);
      await block(true, false, open);
      await block(true, true, both);
    }
    browsers.send({ isOpen: false });
    const transports = <T>(of: (transport: Transport) => T): Partial<Record<Transport, T>> =>
      Object.fromEntries(field.transports.map((transport) => [transport, of(transport)]));
    const way = (name: string, during: readonly Latencies[]) => ({
      name,
      transports: transports((transport) => whileTraining(without, during, transport)),
    });
    return {
      ...{ pairs, pace_ms: paceMs, browsers: BROWSERS, minutes: without.length, events },
      without: transports((transport) =>
        percentiles(without.map((one) => one[transport]).filter((us) => !Number.isNaN(us))),
      ),
      ways: [way('browsers', open), way('browsers and training', both)],
    };
  } finally {
    await browsers.end();
    await trainer.end();
    await training.end();
    await field.close();
  }
}
