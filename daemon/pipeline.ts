import { SECONDS_PER_BAR, type Bar, type EpochMs, type OpenTime } from '../shared/bar.ts';
import type { FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import type { DecisionPolicy } from '../shared/core/decide/decide.ts';
import type { Windows } from '../shared/core/features/windows.ts';
import type { Position } from '../shared/core/position/position.ts';
import type { Pair } from '../shared/pair.ts';
import type { Clock } from '../shared/ports.ts';
import { encodeSignal } from '../shared/signal/encode.ts';
import { SIGNAL_SCHEMA, type MarketKind, type SignalBody } from '../shared/signal/signal.ts';
import type { InputRow, LastSignal } from '../shared/store/journal.ts';
import { Aligner, type BarOutcome, type PairMinute } from './align/align.ts';
import { answerMinute, createPairState, type Answer, type PairState } from './answer.ts';
import type { Journal } from './journal/journal.ts';
import type { Publication, Publisher } from './publish/publish.ts';

/** A signal on a bar that came in time is valid for this many feed intervals after its publication. */
const VALID_INTERVALS = 2.5;

/** Microseconds spent in each station for one batch. */
export interface BatchTiming {
  readonly signals: number;
  readonly features_us: number;
  readonly infer_us: number;
  readonly decide_us: number;
  readonly publish_us: number;
  readonly file_us: number;
  readonly journal_us: number;
  /** From the arrival of the batch's first completing bar until WebSocket and Redis have the signals. */
  readonly bar_to_signal_us: number;
}

export interface PipelineObserver {
  onSignals(batch: readonly { body: SignalBody; bodyText: string }[], timing: BatchTiming): void;
  onSwap(set: ModelSet): void;
  /** A set failed while it was in force; `fallback` is what serves now. */
  onModelFailure(error: unknown, failed: ModelSet, fallback: ModelSet | null): void;
}

export interface PipelineOptions {
  readonly pairs: readonly Pair[];
  readonly windows: Windows;
  readonly schema: FeatureSchema;
  readonly policy: DecisionPolicy;
  readonly policyHash: string;
  readonly market: MarketKind;
  readonly bootId: string;
  /** Wall-clock distance of two bars, for `valid_until_ms`. */
  readonly feedIntervalMs: number;
  readonly stragglerTimeoutMs: number;
  readonly clock: Clock;
  /** WebSocket and Redis: they leave first. */
  readonly sockets: readonly Publisher[];
  /** Signal files: written a loop turn later, when the sockets have been flushed. */
  readonly files: readonly Publisher[];
  readonly journal: Journal;
  readonly observer: PipelineObserver;
}

type QueueItem =
  | { readonly kind: 'minute'; readonly minute: PairMinute; readonly publish: boolean; readonly arrivedUs: number }
  | { readonly kind: 'swap'; readonly set: ModelSet }
  | { readonly kind: 'degraded' | 'recovered'; readonly what: string }
  | { readonly kind: 'boot' };
type MinuteItem = Extract<QueueItem, { kind: 'minute' }>;

/**
 * A bar's way: feed → align → features → infer → decide → publish → journal.
 *
 * Feeds call `takeBar`; everything taken in one loop turn is scored as one batch. What takes effect (bars, time-outs,
 * swaps, degradations) stands in one queue in the order in which it was journalled, so a replay of the journal gives the same signals.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #states: readonly PairState[];
  readonly #aligner: Aligner;
  readonly #matrix: Float32Array;
  readonly #columns: number;
  #queue: QueueItem[] = [];
  /** During recovery: nothing is journalled again, and what was published is not published again. */
  #publishedUntil: Map<string, OpenTime> | null = null;
  #running: Promise<void> | null = null;
  #models: ModelSet | null = null;
  #fallback: ModelSet | null = null;
  readonly #degradations = new Set<string>();

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#states = options.pairs.map((pair) => createPairState(pair, options.windows));
    this.#columns = options.schema.definitions.length;
    this.#matrix = new Float32Array(options.pairs.length * this.#columns);
    this.#aligner = new Aligner(options.pairs, (minute) => this.#enqueueMinute(minute));
  }

  // ---- feed → align ----

  knows(symbol: string): boolean {
    return this.#aligner.knows(symbol);
  }

  lastTimes(): Map<string, OpenTime> {
    return this.#aligner.lastTimes();
  }

  get models(): ModelSet | null {
    return this.#models;
  }

  get degradations(): ReadonlySet<string> {
    return this.#degradations;
  }

  /** Pairs whose features are warm. */
  get readyPairs(): number {
    return this.#states.filter(({ features }) => features.ready).length;
  }

  /** Takes a validated bar of a known symbol. With `backfill` it moves features and publishes nothing. */
  takeBar(bar: Bar, backfill: boolean): BarOutcome {
    return this.#take(bar.symbol, bar.time, bar, backfill);
  }

  /** Takes the word that a known symbol did not trade in a minute. */
  takeEmpty(symbol: string, time: OpenTime, backfill: boolean): BarOutcome {
    return this.#take(symbol, time, 'empty', backfill);
  }

  #take(symbol: string, time: OpenTime, content: Bar | 'empty', backfill: boolean): BarOutcome {
    const nowMs = this.#options.clock.monotonicUs() / 1000;
    const outcome = this.#aligner.take(symbol, time, content, backfill, nowMs);
    if (outcome !== 'accepted' && outcome !== 'late') return outcome;
    const bar = content === 'empty' ? null : content;
    this.#journalInput({ kind: bar === null ? 'empty' : 'bar', subject: symbol, time, bar, backfill });
    return outcome;
  }

  /** Ends the minutes whose missing leg is overdue. */
  expire(): void {
    const nowMs = this.#options.clock.monotonicUs() / 1000;
    for (const { pairIndex, time } of this.#aligner.overdue(nowMs, this.#options.stragglerTimeoutMs))
      this.#giveUp(pairIndex, time);
  }

  /** Ends every minute that still waits for a leg: no more bars of these minutes will come. */
  endMinute(): void {
    for (const { pairIndex, time } of this.#aligner.overdue(Infinity, 0)) this.#giveUp(pairIndex, time);
  }

  #giveUp(pairIndex: number, time: OpenTime): void {
    const subject = this.#states[pairIndex]!.pair.id;
    this.#journalInput({ kind: 'timeout', subject, time, bar: null, backfill: false });
    this.#aligner.giveUp(pairIndex, time);
  }

  /** Puts a verified, warm set in force between two bars, all three models at once. */
  swap(set: ModelSet): void {
    this.#journalEvent('swap', set.version);
    this.#enqueue({ kind: 'swap', set });
  }

  /** An event without a minute of its own stands at the newest one. */
  #journalEvent(kind: 'swap' | 'degraded' | 'recovered' | 'boot', subject: string): void {
    const time = Math.max(0, ...this.#aligner.lastTimes().values()) as OpenTime;
    this.#journalInput({ kind, subject, time, bar: null, backfill: false });
  }

  #journalInput(row: InputRow): void {
    if (this.#publishedUntil === null) this.#options.journal.input(row);
  }

  /** Something is wrong but signals go on (mode DEGRADED), until `recovered` is called with the same word. */
  degraded(what: string): void {
    this.#journalEvent('degraded', what);
    this.#enqueue({ kind: 'degraded', what });
  }

  recovered(what: string): void {
    this.#journalEvent('recovered', what);
    this.#enqueue({ kind: 'recovered', what });
  }

  /** In the replay of a journal: the process began anew here, without models and with nothing degraded. */
  reboot(): void {
    this.#enqueue({ kind: 'boot' });
  }

  /** Ends a waiting minute of a pair, as a journal says it was ended. */
  giveUp(pairId: string, time: OpenTime): void {
    const pairIndex = this.#states.findIndex(({ pair }) => pair.id === pairId);
    if (pairIndex >= 0) this.#giveUp(pairIndex, time);
  }

  /**
   * Brings the pipeline to where a killed one was: feeds the journalled inputs back in their order. Features move and
   * positions are those of the last signals. Minutes that were journalled but not answered are answered now, after
   * `loadModels` has had its chance to swap: without models they would be held that the killed one would have entered.
   */
  async recover(
    inputs: Iterable<InputRow>,
    lastSignals: readonly LastSignal[],
    loadModels: () => Promise<void>,
  ): Promise<void> {
    this.#publishedUntil = new Map(lastSignals.map(({ pairId, time }) => [pairId, time]));
    for (const { pairId, position } of lastSignals) {
      const state = this.#states.find(({ pair }) => pair.id === pairId);
      if (state !== undefined) state.position = JSON.parse(position) as Position;
    }
    for (const { kind, subject, time, bar, backfill } of inputs) {
      if (kind === 'timeout') this.giveUp(subject, time);
      else if ((kind === 'bar' || kind === 'empty') && this.#aligner.knows(subject)) {
        this.#take(subject, time, bar ?? 'empty', backfill);
      }
    }
    this.#publishedUntil = null;
    this.#journalEvent('boot', this.#options.bootId);
    const firstUnanswered = this.#queue.findIndex((item) => item.kind === 'minute' && item.publish);
    const unanswered = firstUnanswered < 0 ? [] : this.#queue.splice(firstUnanswered);
    await this.settled();
    await loadModels();
    for (const item of unanswered) this.#enqueue(item);
    await this.settled();
  }

  // ---- the queue ----

  #enqueueMinute(minute: PairMinute): void {
    const published = this.#publishedUntil?.get(this.#states[minute.pairIndex]!.pair.id) ?? -Infinity;
    const publish = !minute.backfill && minute.time > published;
    this.#enqueue({ kind: 'minute', minute, publish, arrivedUs: this.#options.clock.monotonicUs() });
  }

  #enqueue(item: QueueItem): void {
    this.#queue.push(item);
    this.#running ??= this.#run();
  }

  /** Resolves when all that was taken so far is published and journalled. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
    this.#options.journal.flush();
  }

  async #run(): Promise<void> {
    await loopTurn();
    while (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = [];
      let at = 0;
      while (at < queue.length) {
        const item = queue[at]!;
        if (item.kind === 'minute') {
          const batch = this.#batchFrom(queue, at);
          at += batch.length;
          await this.#answer(batch);
          continue;
        }
        at++;
        await this.#takeEffect(item);
      }
    }
    this.#running = null;
  }

  async #takeEffect(item: Exclude<QueueItem, MinuteItem>): Promise<void> {
    switch (item.kind) {
      case 'swap':
        return this.#putInForce(item.set);
      case 'degraded':
        this.#degradations.add(item.what);
        return;
      case 'recovered':
        this.#degradations.delete(item.what);
        return;
      case 'boot':
        this.#models = null;
        this.#fallback = null;
        this.#degradations.clear();
    }
  }

  /** The longest run of minutes from `at` on in which no pair that publishes stands twice. */
  #batchFrom(queue: readonly QueueItem[], at: number): MinuteItem[] {
    const batch: MinuteItem[] = [];
    const pairs = new Set<number>();
    for (let i = at; i < queue.length; i++) {
      const item = queue[i]!;
      if (item.kind !== 'minute' || pairs.has(item.minute.pairIndex)) break;
      if (item.publish) pairs.add(item.minute.pairIndex);
      batch.push(item);
    }
    return batch;
  }

  async #putInForce(set: ModelSet): Promise<void> {
    const retired = this.#fallback;
    this.#fallback = this.#models;
    this.#models = set;
    this.#degradations.delete('models');
    this.#options.observer.onSwap(set);
    if (retired !== null) await release(retired);
  }

  // ---- features → infer → decide → publish → journal ----

  async #answer(batch: readonly MinuteItem[]): Promise<void> {
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    const rows = this.#moveFeatures(batch);
    const featuresUs = clock.monotonicUs();
    const toPublish = batch.filter((item) => item.publish);
    if (toPublish.length === 0) return;
    const scores = await this.#infer(rows.size);
    const inferUs = clock.monotonicUs();
    const answers = this.#decide(toPublish, rows, scores);
    const decideUs = clock.monotonicUs();
    const publications = this.#publish(answers);
    const publishUs = clock.monotonicUs();
    await loopTurn();
    const fileStartUs = clock.monotonicUs();
    for (const publisher of this.#options.files) publisher.publish(publications);
    const fileUs = clock.monotonicUs();
    this.#options.journal.flush();
    this.#options.observer.onSignals(answers, {
      signals: answers.length,
      features_us: featuresUs - startUs,
      infer_us: inferUs - featuresUs,
      decide_us: decideUs - inferUs,
      publish_us: publishUs - decideUs,
      file_us: fileUs - fileStartUs,
      journal_us: clock.monotonicUs() - fileUs,
      bar_to_signal_us: publishUs - toPublish[0]!.arrivedUs,
    });
  }

  /** @returns the matrix row of each pair that is to be scored, by pair index */
  #moveFeatures(batch: readonly MinuteItem[]): Map<number, number> {
    const rows = new Map<number, number>();
    for (const { minute, publish } of batch) {
      if (minute.outcome !== 'COMPLETE') continue;
      const { features } = this.#states[minute.pairIndex]!;
      features.step(minute.a!, minute.b!);
      if (!publish || !features.ready) continue;
      this.#matrix.set(features.values, rows.size * this.#columns);
      rows.set(minute.pairIndex, rows.size);
    }
    return rows;
  }

  /** Scores the batch; a set that fails is dropped for the last good one within this very bar. */
  async #infer(rows: number): Promise<BatchScores | null> {
    while (this.#models !== null && rows > 0) {
      try {
        return await this.#models.infer(this.#matrix, rows);
      } catch (error) {
        const failed = this.#models;
        this.#models = this.#fallback;
        this.#fallback = null;
        this.#degradations.add('models');
        this.#options.observer.onModelFailure(error, failed, this.#models);
        void release(failed);
      }
    }
    return null;
  }

  #decide(items: readonly MinuteItem[], rows: ReadonlyMap<number, number>, scores: BatchScores | null): Answer[] {
    const { policy, policyHash, schema } = this.#options;
    const models = this.#models;
    const context = {
      policy,
      policyHash,
      featureSchema: schema.hash,
      models,
      scores,
      isDegraded: this.#degradations.size > 0,
    };
    return items.map(({ minute }) =>
      answerMinute(context, this.#states[minute.pairIndex]!, minute, rows.get(minute.pairIndex)),
    );
  }

  #publish(answers: readonly Answer[]): readonly Publication[] {
    const { bootId, market, clock, feedIntervalMs, journal } = this.#options;
    const nowMs: EpochMs = clock.nowMs();
    const publications = answers.map(({ state, time, bodyText }) => {
      const text = encodeSignal(bodyText, {
        schema: SIGNAL_SCHEMA,
        market,
        boot_id: bootId,
        seq: ++state.seq,
        generated_at_ms: nowMs,
        valid_until_ms: validUntilMs(market, time, nowMs, feedIntervalMs),
      });
      return { pairId: state.pair.id, text };
    });
    for (const publisher of this.#options.sockets) publisher.publish(publications);
    for (const { state, time, body, bodyText, featuresCrc, riskProb } of answers) {
      journal.signal({
        bootId,
        seq: state.seq,
        pairId: state.pair.id,
        time,
        signalId: body.signal_id,
        body: bodyText,
        featuresCrc,
        riskProb,
        position: JSON.stringify(state.position),
        generatedAtMs: nowMs,
      });
    }
    return publications;
  }
}

/**
 * A live bar that is answered more than one interval after its close is news no more: its signal counts from then and may be born
 * expired, so that a feeder that catches up cannot make anyone enter on an old minute. Other markets have clocks of their own.
 */
function validUntilMs(market: MarketKind, time: OpenTime, nowMs: number, intervalMs: number): number {
  const latestMs = market === 'live' ? (time + SECONDS_PER_BAR) * 1000 + intervalMs : Infinity;
  return Math.min(nowMs, latestMs) + Math.round(VALID_INTERVALS * intervalMs);
}

/** A set that cannot be let go of costs memory, not signals. */
function release(set: ModelSet): Promise<void> {
  return set.release().catch(() => undefined);
}

/** The end of this loop turn: everything that arrived in it is there, and sockets have been flushed. */
function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
