import { ERRORS } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { SubjectBody } from '../../shared/signal/instrument_signal.ts';
import { TRANSPORT_NAMES } from '../publish/transports.ts';
import { answersBars, isOverBudget } from './budget.ts';
import { Counts } from './counts.ts';
import { LatencyHistogram } from './latency.ts';
import { createMinuteRate } from './minute_rate.ts';
import { NoveltyHistogram } from './novelty_histogram.ts';
import { SignalCounter } from './signal_counter.ts';
import { STATIONS, type BatchTiming } from '../publish/stopwatch.ts';

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
