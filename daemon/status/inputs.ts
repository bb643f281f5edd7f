import type { OpenTime } from '../../shared/bar.ts';
import { isInstrument, type Pair } from '../../shared/pair.ts';
import type { InputRow, LastSignal } from '../../shared/store/journal.ts';
import { journaledOthers } from '../../shared/store/journaled_others.ts';
import type { WarmStore } from '../../shared/store/warm_bars.ts';
import { Aligner, type BarOutcome } from '../align/align.ts';
import type { AnsweredMinute, PairMinute } from '../align/minute.ts';
import { PairResampler } from '../align/resample.ts';
import { SilenceWatch } from '../align/silence.ts';
import { SuspectLog } from '../align/suspects.ts';
import type { IdleWindow } from './idle_window.ts';
import type { HaltedPairs } from '../infer/halted_pairs.ts';
import type { DirectionSlots } from '../infer/direction_slots.ts';
import type { ModelSlots } from '../infer/model_slots.ts';
import type { RolloutArms } from '../infer/rollout_arms.ts';
import {
  pairInput,
  restoredInputOf,
  stateRow,
  type BarSink,
  type HeartbeatKind,
  type Input,
  type InputSink,
  type PairInput,
  type RuleInput,
  type SeriesSink,
  type StateInput,
  type SymbolInput,
} from '../queue/input.ts';
import type { PipelineOptions } from '../options/pipeline_options.ts';
import { earlierRow } from '../queue/earlier_change.ts';
import type { MinuteItem, Queue } from '../queue/queue.ts';
import {
  SeriesLedger,
  type GivenObservation,
  type ObservationClock,
  type ObservationOutcome,
} from '../series/series_ledger.ts';

export interface InputsOptions {
  readonly pipeline: PipelineOptions;
  /** The pairs, followed by the instruments. */
  readonly subjects: readonly Pair[];
  readonly queue: Queue;
  readonly idle: IdleWindow;
  readonly halts: HaltedPairs;
  readonly slots: Pick<ModelSlots, 'announce'>;
  readonly directions: Pick<DirectionSlots, 'announce'>;
  readonly rules: { announce(input: RuleInput): void };
  readonly arms: Pick<RolloutArms, 'announce'>;
}

/**
 * The entry point of all inputs, live, in recovery and in a replay: journals them, aligns the legs of a pair, and fills
 * the queue.
 */
export class Inputs implements BarSink, SeriesSink, InputSink {
  readonly aligner: Aligner;
  readonly suspects = new SuspectLog();
  readonly silence: SilenceWatch;
  readonly #series = new SeriesLedger();
  readonly #options: InputsOptions;
  readonly #indexOf: ReadonlyMap<string, number>;
  /** null = every pair has one-minute bars. */
  readonly #resampler: PairResampler | null;
  /** During recovery: nothing is journaled again, and what was published is not published again. */
  #publishedUntil: ReadonlyMap<string, OpenTime> | null = null;
  #answering: readonly MinuteItem[] = [];

  constructor(options: InputsOptions) {
    const { screen, feedIntervalMs, silence } = options.pipeline;
    const pairs = options.subjects;
    this.#options = options;
    this.#indexOf = new Map(pairs.map(({ id }, pairIndex) => [id, pairIndex]));
    const isResampled = pairs.some(({ barSeconds }) => barSeconds !== undefined);
    this.#resampler = isResampled ? new PairResampler(pairs, (bar) => this.#endBar(bar)) : null;
    this.aligner = new Aligner(pairs, screen, (minute) => this.#endMinute(minute));
    this.silence = new SilenceWatch({ pairs: pairs.length, feedIntervalMs, ...silence }, this.#nowUs());
  }

  hasSymbol(symbol: string): boolean {
    return this.aligner.hasSymbol(symbol);
  }

  /** Takes a validated minute of a known symbol. */
  take(input: SymbolInput): BarOutcome {
    const { subject, time, bar, backfill } = input;
    const outcome = this.aligner.take(subject, time, bar ?? 'empty', backfill, this.#nowUs() / 1000);
    if (outcome !== 'accepted' && outcome !== 'late') return outcome;
    this.record(input);
    if (bar === null || this.#publishedUntil !== null) return outcome;
    // So that a restart can count the minutes that moved features.
    if (this.suspects.note(bar, this.aligner.screenOf(subject)))
      this.record({ kind: 'suspect', subject, time, bar: null, backfill });
    return outcome;
  }

  /** Takes a validated value of a series of a known symbol. See `SeriesLedger.admit`. */
  observe(given: GivenObservation, clock: ObservationClock): ObservationOutcome {
    const { outcome, observation } = this.#series.admit(given, clock);
    if (observation !== null) this.apply({ kind: 'series', observation });
    return outcome;
  }

  /**
   * Journals an input and lets it take effect behind everything that waits. What concerns other pairs and symbols is
   * ignored.
   */
  apply(input: Input): void {
    switch (input.kind) {
      case 'bar':
      case 'empty':
        if (this.hasSymbol(input.subject)) this.take(input);
        return;
      case 'suspect':
        // The screen finds it again.
        return;
      case 'timeout':
        return this.#abandon(input);
      case 'silence':
      case 'silence_halt':
      case 'shutdown':
        return this.#beat(input);
      case 'halts': {
        const standing = this.#options.halts.announce(input.standing);
        return standing === null ? undefined : this.#enqueue({ kind: 'halts', standing });
      }
      case 'series':
        this.#series.note(input.observation);
        return this.#enqueue(input);
      case 'swap':
      case 'direction':
      case 'rule':
      case 'rollout':
        this.#announce(input);
        return this.#enqueue(input);
      case 'shadow':
      case 'rule_shadow':
      case 'degraded':
      case 'recovered':
      case 'boot':
      case 'lease':
      case 'policy':
      case 'news':
        return this.#enqueue(input);
    }
  }

  #announce(input: StateInput): void {
    const { slots, directions, rules, arms } = this.#options;
    if (input.kind === 'swap') slots.announce(input);
    else if (input.kind === 'direction') directions.announce(input);
    else if (input.kind === 'rule') rules.announce(input);
    else if (input.kind === 'rollout') arms.announce();
  }

  #enqueue(input: StateInput): void {
    this.record(input);
    this.#options.queue.push(input);
  }

  recordEarlier(changes: readonly StateInput[], replacement: 'waits' | 'none'): void {
    const { pipeline, subjects } = this.#options;
    const { pairIndex, time } = this.#answering[0]!.minute;
    const newest = this.#newestMinute();
    for (const change of changes) {
      const row = stateRow(change, newest);
      if (row === null) continue;
      const own = { bootId: pipeline.bootId, pairId: subjects[pairIndex]!.id, time, row };
      pipeline.journal.input(earlierRow(own, newest));
    }
    if (replacement === 'none') for (const change of changes) this.record(change);
  }

  /** The minutes that are about to be answered. */
  answering(minutes: readonly MinuteItem[]): void {
    this.#answering = minutes;
  }

  /** Journals an input. */
  record(input: Input): void {
    if (this.#publishedUntil !== null) return;
    const row = 'time' in input ? input : stateRow(input, this.#newestMinute());
    if (row !== null) this.#options.pipeline.journal.input(row);
  }

  #newestMinute(): OpenTime {
    return Math.max(0, ...this.aligner.lastTimes().values()) as OpenTime;
  }

  // ---- time ----

  /** Ends the minutes whose missing leg is overdue, and the bars whose last minute and the one after it are. */
  expire(): void {
    const { feedIntervalMs, stragglerTimeoutMs } = this.#options.pipeline;
    const nowMs = this.#nowUs() / 1000;
    this.#abandonOverdue(nowMs, stragglerTimeoutMs);
    const bars = this.#resampler?.overdue(nowMs, feedIntervalMs, stragglerTimeoutMs) ?? [];
    for (const { pairIndex, time } of bars) this.#timeOut(pairIndex, time);
  }

  /** Ends every minute that still waits for a leg: no more bars of these minutes will come. */
  endMinute(): void {
    this.#abandonOverdue(Infinity, 0);
  }

  #abandonOverdue(nowMs: number, timeoutMs: number): void {
    for (const { pairIndex, time } of this.aligner.overdue(nowMs, timeoutMs)) this.#timeOut(pairIndex, time);
  }

  #timeOut(pairIndex: number, time: OpenTime): void {
    this.#abandon(pairInput('timeout', this.#options.subjects[pairIndex]!.id, time));
  }

  #abandon(input: PairInput): void {
    const pairIndex = this.#indexOf.get(input.subject);
    if (pairIndex === undefined) return;
    this.record(input);
    this.aligner.abandon(pairIndex, input.time);
    this.#resampler?.closeThrough(pairIndex, input.time);
  }

  /** A heartbeat of each pair without bars, once each interval. */
  checkSilence(): void {
    this.silence.check(this.#nowUs(), (pairIndex, kind) => this.#beatNow(pairIndex, kind));
  }

  /** The final heartbeat of each pair: this daemon publishes no more signals. */
  shutDown(): void {
    this.#options.subjects.forEach((_, pairIndex) => this.#beatNow(pairIndex, 'shutdown'));
  }

  /** A pair that never had a minute repeats nothing. */
  #beatNow(pairIndex: number, kind: HeartbeatKind): void {
    const time = this.silence.lastMinute(pairIndex);
    if (time !== null) this.#beat(pairInput(kind, this.#options.subjects[pairIndex]!.id, time));
  }

  #beat(input: PairInput): void {
    const pairIndex = this.#indexOf.get(input.subject) ?? -1;
    const time = pairIndex < 0 ? null : this.silence.lastMinute(pairIndex);
    if (time === null) return;
    this.record(input);
    const outcome = input.kind === 'shutdown' ? 'SHUTDOWN' : 'SILENCE';
    const isHalted = input.kind !== 'silence';
    const minute = { pairIndex, time, a: null, b: null, outcome, isHalted, backfill: false } as const;
    this.#push(minute, this.#publishedUntil === null, this.#nowUs());
  }

  // ---- minutes ----

  #endMinute(minute: PairMinute): void {
    const { pairIndex, time, backfill } = minute;
    const nowUs = this.#nowUs();
    this.#options.idle.noteBar(nowUs);
    if (this.#resampler === null || !this.#resampler.take(minute, nowUs / 1000)) {
      this.silence.noteMinute(pairIndex, time, backfill, nowUs);
      this.#answer(minute, nowUs);
    } else if (!backfill) this.silence.noteArrival(pairIndex, nowUs);
  }

  /** A bar of another timeframe has closed. */
  #endBar(bar: PairMinute): void {
    this.silence.noteBar(bar.pairIndex, bar.time);
    this.#answer(bar, this.#nowUs());
  }

  #answer(ended: PairMinute, nowUs: number): void {
    const minute = this.aligner.readOthers.length > 0 ? this.#withOthers(ended) : ended;
    const { pairIndex, time, backfill } = minute;
    this.#series.closed(time);
    const published = this.#publishedUntil?.get(this.#options.subjects[pairIndex]!.id) ?? -Infinity;
    const isPublished = !backfill && time > published;
    const first = isPublished ? this.#replayedBefore(minute) : undefined;
    if (first === undefined) return this.#push(minute, isPublished, nowUs);
    this.#options.queue.push({ kind: 'minute', minute, publish: true, arrivedUs: nowUs, first });
  }

  /** A minute that moves features, with the bars of other symbols that formulas read at it. */
  #withOthers(minute: PairMinute): PairMinute {
    if (minute.outcome !== 'COMPLETE') return minute;
    const others = this.aligner.othersAt(minute.pairIndex, minute.time);
    return others === null ? minute : { ...minute, others };
  }

  /** Only in a replay. */
  #replayedBefore({ pairIndex, time }: PairMinute): readonly StateInput[] | undefined {
    const { pipeline, subjects } = this.#options;
    const changes = pipeline.replayedBefore?.(subjects[pairIndex]!.id, time);
    if (changes === undefined || changes.length === 0) return undefined;
    for (const change of changes) this.#announce(change);
    return changes;
  }

  #push(minute: AnsweredMinute, publish: boolean, arrivedUs: number): void {
    this.#options.queue.push({ kind: 'minute', minute, publish, arrivedUs });
  }

  #nowUs(): number {
    return this.#options.pipeline.clock.monotonicUs();
  }

  /**
   * Brings features to where a killed process had them, by the journaled inputs in their order. Minutes that were
   * journaled but not answered are queued, after `loadModels` has had its chance to swap: without models they would be
   * held that the killed one would have entered.
   */
  async recover(
    rows: Iterable<InputRow>,
    lastSignals: readonly LastSignal[],
    loadModels: () => Promise<WarmStore | null>,
  ): Promise<void> {
    const { queue, pipeline } = this.#options;
    this.#publishedUntil = new Map(lastSignals.map(({ pairId, time }) => [pairId, time]));
    for (const row of rows) {
      const input = restoredInputOf(row);
      if (input !== null) this.apply(input);
    }
    this.#publishedUntil = null;
    // Models, halts and degradations of the killed process are not applied: this is what its end left of them.
    this.record({ kind: 'boot', bootId: pipeline.bootId });
    const unanswered = queue.takeUnpublished();
    await queue.settled();
    await pipeline.journal.stored();
    const journal = await loadModels();
    const others = journal === null ? new Map<unknown, MinuteItem>() : this.#othersOf(unanswered, journal);
    for (const item of unanswered) queue.push(others.get(item) ?? item);
  }

  /** Minutes that ended before it was known which symbols formulas read, with what had come of these by then. */
  #othersOf(items: readonly (MinuteItem | StateInput)[], journal: WarmStore): Map<unknown, MinuteItem> {
    const found = new Map<unknown, MinuteItem>();
    const symbols = this.aligner.readOthers;
    if (symbols.length === 0) return found;
    for (const [index, pair] of this.#options.subjects.entries()) {
      const own = items.filter((item) => item.kind === 'minute' && item.minute.pairIndex === index) as MinuteItem[];
      const complete = own.filter(({ minute }) => minute.outcome === 'COMPLETE');
      if (complete.length === 0 || isInstrument(pair)) continue;
      const bars = complete.map(({ minute }) => ({ a: minute.a!, b: minute.b! }));
      const othersAt = journaledOthers(journal, { pair, symbols, bars });
      for (const item of complete)
        found.set(item, { ...item, minute: { ...item.minute, others: othersAt(item.minute.time) } as PairMinute });
    }
    return found;
  }
}
