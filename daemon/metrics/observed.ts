import { ERRORS } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { SubjectBody } from '../../shared/signal/instrument_signal.ts';
import { TRANSPORT_NAMES } from '../publish/transports.ts';
import { answersBars, isOverBudget } from './budget.ts';
import { LatencyHistogram } from './latency.ts';
import { NoveltyHistogram } from './novelty_histogram.ts';
import { SignalCounter } from './signal_counter.ts';
import { type BatchTiming, STATIONS } from '../publish/stopwatch.ts';
import type { Sample } from '../../shared/metrics/metric.ts';

const SECONDS = 60;

/** Number of events in the last minute, to the second. */
interface MinuteRate {
  add(count: number, nowMs: number): void;
  perMinute(nowMs: number): number;
}

export function createMinuteRate(): MinuteRate {
  const counts = new Float64Array(SECONDS);
  /** The second that a slot counts. */
  const seconds = new Float64Array(SECONDS).fill(-Infinity);
  return {
    add(count, nowMs) {
      const second = Math.floor(nowMs / 1000);
      const slot = second % SECONDS;
      if (seconds[slot] !== second) counts[slot] = 0;
      seconds[slot] = second;
      counts[slot]! += count;
    },
    perMinute(nowMs) {
      const now = Math.floor(nowMs / 1000);
      let sum = 0;
      for (let slot = 0; slot < SECONDS; slot++) {
        const age = now - seconds[slot]!;
        if (age >= 0 && age < SECONDS) sum += counts[slot]!;
      }
      return sum;
    },
  };
}

/** The label of all values that are not among the known ones. */
const OTHER = 'OTHER';

/**
 * Counts of each value of one label. All values are exported from the start, with 0: Prometheus sees an increase only
 * between two samples, so that a counter which begins at 1 raises no alert. So the list is closed: what is not in it
 * counts as `OTHER`.
 */
class Counts implements Iterable<Sample> {
  readonly #byLabel = new Map<string, { count: number }>();
  readonly #other = { count: 0 };

  constructor(known: readonly string[]) {
    for (const label of known) this.#byLabel.set(label, { count: 0 });
    this.#byLabel.set(OTHER, this.#other);
  }

  add(label: string): void {
    (this.#byLabel.get(label) ?? this.#other).count++;
  }

  *[Symbol.iterator](): Generator<Sample> {
    for (const [label, { count }] of this.#byLabel) yield [label, count];
  }
}

/** Error codes that begin like this. */
function codesOf(prefix: string): string[] {
  return Object.keys(ERRORS).filter((code) => code.startsWith(prefix));
}

/** Why models are refused or fail. */
const MODEL_CODES = [...codesOf('MODEL_'), ...codesOf('RULE_'), ...codesOf('POINTER_'), ...codesOf('KEY_'), 'INTERNAL'];

/** Why a message is refused before its bars or values are looked at. */
const MESSAGE_CODES = [...codesOf('BODY_'), 'STREAM_ENTRY_SIZE', 'FEED_CLOSED', 'INTERNAL'];

/** Counts what no other part of the daemon counts. Observed after the signals are out, never before. */
export class Observed {
  readonly bars = new Counts(['accepted', 'late', 'duplicate', ...codesOf('BAR_'), ...MESSAGE_CODES]);
  /** Observations of auxiliary series. */
  readonly series = new Counts(['accepted', 'revised', 'duplicate', ...codesOf('SERIES_'), ...MESSAGE_CODES]);
  readonly refusals = new Counts(MODEL_CODES);
  readonly failures = new Counts(MODEL_CODES);
  readonly signals = new SignalCounter();
  readonly novelty = new NoveltyHistogram();
  readonly rate = createMinuteRate();
  readonly inference = new LatencyHistogram();
  readonly stations = new LatencyHistogram('station');
  readonly transports = new LatencyHistogram('transport');
  swaps = 0;
  barsOverBudget = 0;
  /** null before the first one. */
  lastSignalMs: number | null = null;
  readonly #budgetMs: number;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #inference = this.inference.series('');
  readonly #stations = STATIONS.map((name) => ({ us: `${name}_us` as const, time: this.stations.series(name) }));
  readonly #transports = TRANSPORT_NAMES.map((name) => ({ name, time: this.transports.series(name) }));

  /** @param budgetMs `feed.budget_ms` */
  constructor(budgetMs: number, clock: Pick<Clock, 'nowMs'>) {
    this.#budgetMs = budgetMs;
    this.#clock = clock;
  }

  /** A minute that came in; called once for each leg, so it only counts. */
  bar(outcome: string): void {
    this.bars.add(outcome);
  }

  /** A batch whose signals are out, in the files and journaled. */
  batch(batch: readonly { readonly body: SubjectBody }[], timing: BatchTiming): void {
    this.lastSignalMs = this.#clock.nowMs();
    this.rate.add(batch.length, this.lastSignalMs);
    for (const { body } of batch) {
      this.signals.add(body);
      this.novelty.observe(body);
    }
    for (const each of this.#stations) {
      const us = timing[each.us];
      // Without a shadow set this station takes no time, and is omitted.
      if (us >= 1 || each.us !== 'shadow_us') each.time.observe(us);
    }
    this.#inference.observe(timing.infer_us);
    if (!answersBars(batch)) return;
    for (const each of this.#transports) {
      const us = timing.bar_to_us[each.name];
      if (us !== null) each.time.observe(us);
    }
    if (isOverBudget(batch, timing, this.#budgetMs)) this.barsOverBudget++;
  }

  swap(): void {
    this.swaps++;
  }

  modelRefused(code: string): void {
    this.refusals.add(code);
  }

  /** A set, active or in the shadow slot, failed and was released. */
  modelFailed(code: string): void {
    this.failures.add(code);
  }
}
