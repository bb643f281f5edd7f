import { SECONDS_PER_BAR, type Bar, type EpochMs, type OpenTime } from '../shared/bar.ts';
import type { FeatureSchema } from '../shared/bundle/feature_schema.ts';
import {
  ALL_PAIRS,
  haltedPairs,
  NO_HALTS,
  standingText,
  type Standing,
  type StandingHalt,
} from '../shared/bundle/halts.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import type { DecisionPolicy } from '../shared/core/decide/decide.ts';
import { FeatureEngine, type PairBars } from '../shared/core/features/features.ts';
import type { Windows } from '../shared/core/features/windows.ts';
import type { ScreenPolicy, Verdict } from '../shared/core/screen/bar_screen.ts';
import { FLAT, type Position } from '../shared/core/position/position.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { Pair } from '../shared/pair.ts';
import type { Clock, Scheduler } from '../shared/ports.ts';
import { checksum, encodeSignal } from '../shared/signal/encode.ts';
import { SIGNAL_SCHEMA, type MarketKind } from '../shared/signal/signal.ts';
import type { InputRow, LastSignal } from '../shared/store/journal.ts';
import { waitAtMost } from '../shared/wait.ts';
import { Aligner, type BarOutcome, type PairMinute } from './align/align.ts';
import {
  answerMinute,
  createPairState,
  foreseeSignalId,
  isHeartbeat,
  type Answer,
  type AnswerContext,
  type AnsweredMinute,
  type Heartbeat,
  type PairState,
} from './answer.ts';
import type { Journal } from './journal/journal.ts';
import type { Publication, Publisher } from './publish/publish.ts';

/** A signal on a bar that came in time is valid for this many feed intervals after its publication. */
const VALID_INTERVALS = 2.5;
/** A live bar that arrives later after its close gives a signal that has expired when it is published; see `validUntilMs`. */
export const EXPIRED_AFTER_INTERVALS = 1 + VALID_INTERVALS;
const FLAT_TEXT = JSON.stringify(FLAT);
/** A bar that is due within this time is waited for by work that blocks the thread, and so is one that is late by it. */
const GUARD_MS = 250;

/** Microseconds spent in each station for one batch. */
export interface BatchTiming {
  readonly signals: number;
  readonly features_us: number;
  readonly infer_us: number;
  readonly decide_us: number;
  readonly publish_us: number;
  readonly file_us: number;
  /** Of the shadow set, after the files. */
  readonly shadow_us: number;
  readonly journal_us: number;
  /** From the arrival of the batch's first completing bar until WebSocket and Redis have the signals. */
  readonly bar_to_signal_us: number;
  /** The same until each transport has been handed all signals; null for one that is not there. */
  readonly bar_to_us: Readonly<Record<Publisher['name'], number | null>>;
}

/** A bar that was held back as suspect, or the one after it, which confirms or refutes it. */
export interface ScreenedBar {
  readonly bar: Bar;
  /** null = this is the suspect. */
  readonly verdict: Verdict | null;
  /** The last trusted close; this bar's own where it is trusted. */
  readonly level: number;
  /** How far from the level a bar may reach in a minute, as a fraction of the price. */
  readonly limit: number;
}

export interface PipelineObserver {
  /** After files and journal: nothing here delays a signal, but the next bar waits for it. */
  onSignals(batch: readonly Answer[], timing: BatchTiming): void;
  onSwap(set: ModelSet): void;
  /** A set failed while it was in force; `fallback` is what serves now. */
  onModelFailure(error: unknown, failed: ModelSet, fallback: ModelSet | null): void;
  /** The shadow set failed and is let go of. */
  onShadowFailure(error: unknown, failed: ModelSet): void;
  /** Behind the signals of the batch. */
  onScreened(bar: ScreenedBar): void;
}

export interface PipelineOptions {
  readonly pairs: readonly Pair[];
  readonly windows: Windows;
  /** null = every bar is taken. */
  readonly screen: ScreenPolicy | null;
  readonly schema: FeatureSchema;
  readonly policy: DecisionPolicy;
  readonly policyHash: string;
  readonly market: MarketKind;
  readonly bootId: string;
  /** Wall-clock distance of two bars, for `valid_until_ms`. */
  readonly feedIntervalMs: number;
  readonly stragglerTimeoutMs: number;
  /** Intervals without a bar after which a pair says so by itself, and after which its mode is HALT. */
  readonly silence: { readonly degradedIntervals: number; readonly haltIntervals: number };
  /** Halts that stood when the journal ended; none where there is no journal. */
  readonly halts?: Standing;
  /** A set that takes longer for a batch, twice in a row, is dropped. */
  readonly slowInferenceMs: number;
  /** How long the work behind a bar waits, when no other bar does, so that consumers get the processor first; 0 = not at all. */
  readonly restMs: number;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** What takes signals without holding this thread, in this order: WebSocket, files of a thread of their own, Redis. */
  readonly sockets: readonly Publisher[];
  /** Signal files that this thread writes: a loop turn later, when the sockets have been flushed. */
  readonly files: readonly Publisher[];
  readonly journal: Journal;
  readonly observer: PipelineObserver;
}

type QueueItem =
  | {
      readonly kind: 'minute';
      readonly minute: AnsweredMinute;
      readonly publish: boolean;
      readonly arrivedUs: number;
    }
  | { readonly kind: 'swap'; readonly set: ModelSet }
  | { readonly kind: 'drop'; readonly set: ModelSet }
  | { readonly kind: 'withdraw' }
  | { readonly kind: 'shadow'; readonly set: ModelSet | null; readonly positions: ReadonlyMap<string, Position> }
  | { readonly kind: 'halts'; readonly halts: readonly StandingHalt[] }
  | { readonly kind: 'degraded' | 'recovered'; readonly what: string }
  | { readonly kind: 'boot' };
/** Scores, at once where nothing has to be waited for; null = there is nothing that could score. */
type Scoring = BatchScores | null | Promise<BatchScores | null>;
type MinuteItem = Extract<QueueItem, { kind: 'minute' }>;
/** Heartbeats as a journal names them: of silence, of so long a silence that the mode is HALT, of the daemon's end. */
export type HeartbeatKind = Extract<InputRow['kind'], 'silence' | 'silence_halt' | 'shutdown'>;

function isHeartbeatKind(kind: InputRow['kind']): kind is HeartbeatKind {
  return kind === 'silence' || kind === 'silence_halt' || kind === 'shutdown';
}

/**
 * A bar's way: feed → align → features → infer → decide → publish → journal.
 *
 * Feeds call `takeBar`; everything taken in one loop turn is scored as one batch. What takes effect (bars, time-outs,
 * heartbeats, swaps, halts, degradations) stands in one queue in the order in which it was journalled, so a replay of the journal gives the
 * same signals.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #states: readonly PairState[];
  readonly #aligner: Aligner;
  readonly #features: FeatureEngine;
  /** The feature values of each pair as bytes, for their checksum. */
  readonly #featureBytes: readonly Uint8Array[];
  readonly #matrix: Float32Array;
  readonly #columns: number;
  /** Row of each pair in the matrix; −1 = not scored. */
  readonly #rows: Int32Array;
  /** Open of the newest minute of each pair that has ended. */
  readonly #lastMinute: Float64Array;
  /** When a live minute of each pair was last heard of. */
  readonly #heardUs: Float64Array;
  /** Heartbeats that were due for each pair since then. */
  readonly #heartbeats: Int32Array;
  /** By pair: when its newest signal expires. Before the first one: when there should have been one. */
  readonly #validUntilMs: Float64Array;
  #lastBarUs = -Infinity;
  /** Told when the next batch has been answered. */
  #waitingForBar: (() => void)[] = [];
  #queue: QueueItem[] = [];
  #done = 0;
  /** During recovery: nothing is journalled again, and what was published is not published again. */
  #publishedUntil: Map<string, OpenTime> | null = null;
  #running: Promise<void> | null = null;
  #models: ModelSet | null = null;
  #fallback: ModelSet | null = null;
  #shadow: ModelSet | null = null;
  /** Swaps that stand in the queue. */
  #swapsToCome = 0;
  readonly #degradations = new Set<string>();
  /** Bars held back since the start, by symbol. */
  readonly #suspects = new Map<string, number>();
  #screened: ScreenedBar[] = [];
  /** In force, whichever version they name. */
  #halts: readonly StandingHalt[];
  /** What the journal has of them: of the newest ones that were handed over. */
  #haltsText: string;
  /** By pair: 1 = the version in force is halted for it. */
  readonly #halted: Uint8Array;
  readonly #noneHalted: Uint8Array;

  constructor(options: PipelineOptions) {
    const { pairs, windows, clock } = options;
    this.#options = options;
    this.#states = pairs.map(createPairState);
    this.#features = new FeatureEngine(pairs, windows);
    this.#featureBytes = pairs.map((_, pairIndex) => {
      const { buffer, byteOffset, byteLength } = this.#features.values(pairIndex);
      return new Uint8Array(buffer, byteOffset, byteLength);
    });
    this.#columns = options.schema.definitions.length;
    this.#matrix = new Float32Array(pairs.length * this.#columns);
    this.#rows = new Int32Array(pairs.length).fill(-1);
    this.#lastMinute = new Float64Array(pairs.length).fill(-Infinity);
    this.#heardUs = new Float64Array(pairs.length).fill(clock.monotonicUs());
    this.#heartbeats = new Int32Array(pairs.length);
    this.#validUntilMs = new Float64Array(pairs.length).fill(this.#nextExpiryMs());
    this.#halts = options.halts?.halts ?? [];
    this.#haltsText = standingText(options.halts ?? NO_HALTS);
    this.#halted = new Uint8Array(pairs.length);
    this.#noneHalted = new Uint8Array(pairs.length);
    this.#aligner = new Aligner(pairs, options.screen, (minute) => this.#enqueueMinute(minute));
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

  /** How many bars of each symbol were held back as suspect since the start. */
  get suspectBars(): ReadonlyMap<string, number> {
    return this.#suspects;
  }

  /** Nothing waits, and nothing is under way. */
  get isIdle(): boolean {
    return this.#running === null;
  }

  /** Grows with each batch that has been answered and journalled, and with everything else that has taken effect. */
  get done(): number {
    return this.#done;
  }

  /** Pairs whose bars stay away, and have been said to. */
  get silentPairs(): string[] {
    return this.#states.filter((_, pairIndex) => this.#heartbeats[pairIndex]! > 0).map(({ pair }) => pair.id);
  }

  /** Warm pairs without a signal that is still valid, so that no consumer acts on them, although the daemon runs. */
  get expiredPairs(): string[] {
    const nowMs = this.#options.clock.nowMs();
    const isExpired = (pairIndex: number): boolean => this.#validUntilMs[pairIndex]! < nowMs;
    return this.#states.flatMap(({ pair }, pairIndex) =>
      isExpired(pairIndex) && this.#features.ready(pairIndex) ? [pair.id] : [],
    );
  }

  /** Pairs that enter nothing because a live figure halts them under the models in force. */
  get haltedPairs(): string[] {
    return this.#states.filter((_, pairIndex) => this.#halted[pairIndex] === 1).map(({ pair }) => pair.id);
  }

  /** Pairs whose features are warm. */
  get readyPairs(): number {
    return this.#states.filter((_, pairIndex) => this.#features.ready(pairIndex)).length;
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
    if (bar !== null) this.#noteScreening(bar, backfill);
    return outcome;
  }

  /** Journals that a bar was held back, so that a restart can count the minutes that moved features. */
  #noteScreening(bar: Bar, backfill: boolean): void {
    const screen = this.#aligner.screenOf(bar.symbol);
    if (screen === null || (!screen.isSuspect && screen.verdict === null)) return;
    const isRecovering = this.#publishedUntil !== null;
    if (isRecovering) return;
    const { level, limit, verdict, isSuspect } = screen;
    if (verdict !== null) this.#screened.push({ bar, verdict, level, limit });
    if (!isSuspect) return;
    this.#journalInput({ kind: 'suspect', subject: bar.symbol, time: bar.time, bar: null, backfill });
    this.#suspects.set(bar.symbol, (this.#suspects.get(bar.symbol) ?? 0) + 1);
    this.#screened.push({ bar, verdict: null, level, limit });
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

  // ---- silence ----

  /** Says of each pair whose bars stay away that they do, once each interval. A pair that never had a minute has nothing to repeat. */
  checkSilence(): void {
    const { clock, feedIntervalMs, silence } = this.#options;
    const nowUs = clock.monotonicUs();
    for (let pairIndex = 0; pairIndex < this.#states.length; pairIndex++) {
      const intervals = (nowUs - this.#heardUs[pairIndex]!) / 1000 / feedIntervalMs;
      const due = Math.floor(intervals - silence.degradedIntervals) + 1;
      if (due <= this.#heartbeats[pairIndex]! || this.#lastMinute[pairIndex] === -Infinity) continue;
      this.#heartbeats[pairIndex] = due;
      this.#heartbeat(pairIndex, intervals >= silence.haltIntervals ? 'silence_halt' : 'silence');
    }
  }

  /** No bars can be expected yet: silence is counted from now on. */
  expectNoBars(): void {
    this.#heardUs.fill(this.#options.clock.monotonicUs());
    this.#validUntilMs.fill(this.#nextExpiryMs());
  }

  /** When a signal expires that is published now, on a bar that came in time. */
  #nextExpiryMs(): number {
    return this.#options.clock.nowMs() + Math.round(VALID_INTERVALS * this.#options.feedIntervalMs);
  }

  /** Says of each pair that nobody watches it from here on: the last signal of a daemon that ends. */
  shutDown(): void {
    for (const { pair } of this.#states) this.heartbeat(pair.id, 'shutdown');
  }

  /** One heartbeat of a pair, as a journal has it; none of a pair that never had a minute. */
  heartbeat(pairId: string, kind: HeartbeatKind): void {
    const pairIndex = this.#indexOf(pairId);
    if (pairIndex >= 0 && this.#lastMinute[pairIndex] !== -Infinity) this.#heartbeat(pairIndex, kind);
  }

  #heartbeat(pairIndex: number, kind: HeartbeatKind): void {
    const time = this.#lastMinute[pairIndex] as OpenTime;
    this.#journalInput({ kind, subject: this.#states[pairIndex]!.pair.id, time, bar: null, backfill: false });
    const outcome: Heartbeat['outcome'] = kind === 'shutdown' ? 'SHUTDOWN' : 'SILENCE';
    this.#enqueue({
      kind: 'minute',
      minute: { pairIndex, time, a: null, b: null, outcome, isHalted: kind !== 'silence', backfill: false },
      publish: this.#publishedUntil === null,
      arrivedUs: this.#options.clock.monotonicUs(),
    });
  }

  #indexOf(pairId: string): number {
    return this.#states.findIndex(({ pair }) => pair.id === pairId);
  }

  // ---- models ----

  /** Puts a verified, warm set in force between two bars, all three models at once. */
  swap(set: ModelSet): void {
    this.#journalEvent('swap', set.version);
    this.#swapsToCome++;
    this.#enqueue({ kind: 'swap', set });
  }

  /**
   * What halts from the next bar on, in the place of all that did. A halt keeps a pair from entering while its version is in force, and
   * again when that version comes back; positions that are open go on to their exits. Those of pairs that are not ours are left out.
   */
  setHalts(halts: readonly StandingHalt[], resumed: Standing['resumed'] = []): void {
    const isOurs = ({ pair_id }: StandingHalt): boolean => pair_id === ALL_PAIRS || this.#indexOf(pair_id) >= 0;
    const ours = { halts: halts.filter(isOurs), resumed: resumed.filter(isOurs) };
    const text = standingText(ours);
    if (text === this.#haltsText) return;
    this.#haltsText = text;
    this.#journalEvent('halts', text);
    this.#enqueue({ kind: 'halts', halts: ours.halts });
  }

  /** In the replay of a journal: the set in force was dropped here and there was no other. */
  withdraw(): void {
    this.#enqueue({ kind: 'withdraw' });
  }

  /**
   * A set that scores every batch after it was published, and is never published itself; null = none any more.
   * @param positions the virtual positions it had before, by pair id
   */
  setShadow(set: ModelSet | null, positions: ReadonlyMap<string, Position> = new Map()): void {
    this.#enqueue({ kind: 'shadow', set, positions });
  }

  /**
   * Resolves when the thread may be blocked for some milliseconds: at once in the middle of an interval; when a bar is due, after it
   * was answered, or when it does not come.
   */
  quietMoment(): Promise<void> {
    const { clock, scheduler, feedIntervalMs } = this.#options;
    const sinceBarMs = (clock.monotonicUs() - this.#lastBarUs) / 1000;
    const guardMs = Math.min(GUARD_MS, feedIntervalMs / 4);
    const untilDueMs = feedIntervalMs - sinceBarMs;
    if (this.#models === null || Math.abs(untilDueMs) > guardMs) return Promise.resolve();
    return waitAtMost(scheduler, 2 * guardMs, (tell) => this.#waitingForBar.push(tell));
  }

  /** An event without a minute of its own stands at the newest one. */
  #journalEvent(kind: 'swap' | 'halts' | 'degraded' | 'recovered' | 'boot', subject: string): void {
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
    const pairIndex = this.#indexOf(pairId);
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
      else if (isHeartbeatKind(kind)) this.heartbeat(subject, kind);
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
    this.expectNoBars();
  }

  // ---- the queue ----

  #enqueueMinute(minute: PairMinute): void {
    const { pairIndex, time, backfill } = minute;
    const arrivedUs = this.#options.clock.monotonicUs();
    this.#lastMinute[pairIndex] = time;
    this.#lastBarUs = arrivedUs;
    // Backfill publishes nothing: a pair that gets nothing else is silent to its consumers.
    if (!backfill) {
      this.#heardUs[pairIndex] = arrivedUs;
      this.#heartbeats[pairIndex] = 0;
    }
    const published = this.#publishedUntil?.get(this.#states[pairIndex]!.pair.id) ?? -Infinity;
    this.#enqueue({ kind: 'minute', minute, publish: !backfill && time > published, arrivedUs });
  }

  #enqueue(item: QueueItem): void {
    this.#queue.push(item);
    this.#running ??= this.#run();
  }

  /** Resolves when all that was taken so far is published. @returns whether the journal has all of it; false while the disk refuses */
  async settled(): Promise<boolean> {
    while (this.#running !== null) await this.#running;
    return this.#options.journal.flush();
  }

  async #run(): Promise<void> {
    await this.#loopTurn();
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
        } else {
          at++;
          this.#takeEffect(item);
        }
        this.#done++;
      }
    }
    for (const screened of this.#screened.splice(0)) this.#options.observer.onScreened(screened);
    this.#running = null;
  }

  /** The end of this loop turn: everything that arrived in it is there, and sockets have been flushed. */
  #loopTurn(): Promise<void> {
    return new Promise((resolve) => this.#options.scheduler.afterTurn(resolve));
  }

  /** On a machine of few cores the journal would hold one that the consumers need to read what was just sent. */
  #letConsumersRun(): Promise<void> | null {
    const { restMs, scheduler } = this.#options;
    if (restMs === 0 || this.#queue.length > 0) return null;
    return new Promise((resolve) => void scheduler.after(restMs, resolve));
  }

  #takeEffect(item: Exclude<QueueItem, MinuteItem>): void {
    switch (item.kind) {
      case 'swap':
        return this.#putInForce(item.set);
      case 'drop':
        if (this.#models === item.set) this.#serve(this.#fallback);
        this.#fallback = null;
        return release(item.set);
      case 'withdraw':
        this.#serve(null);
        this.#fallback = null;
        return;
      case 'halts':
        this.#halts = item.halts;
        return this.#markHalted();
      case 'shadow':
        if (this.#shadow !== null) release(this.#shadow);
        this.#shadow = item.set;
        for (const state of this.#states) state.shadowPosition = item.positions.get(state.pair.id) ?? FLAT;
        return;
      case 'degraded':
        this.#degradations.add(item.what);
        return;
      case 'recovered':
        this.#degradations.delete(item.what);
        return;
      case 'boot':
        // Halts are the world's, not the process's: they outlive it.
        this.#serve(null);
        this.#fallback = null;
        this.#degradations.clear();
    }
  }

  /** From here on this set answers, and halts of its version count. */
  #serve(set: ModelSet | null): void {
    this.#models = set;
    this.#markHalted();
  }

  #markHalted(): void {
    const haltOf = haltedPairs(this.#halts, this.#models?.version ?? null);
    for (let pairIndex = 0; pairIndex < this.#states.length; pairIndex++)
      this.#halted[pairIndex] = haltOf(this.#states[pairIndex]!.pair.id) === null ? 0 : 1;
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

  #putInForce(set: ModelSet): void {
    this.#swapsToCome--;
    const retired = this.#fallback;
    this.#fallback = this.#models;
    this.#serve(set);
    this.#degradations.delete('models');
    this.#options.observer.onSwap(set);
    if (retired !== null) release(retired);
  }

  // ---- features → infer → decide → publish → journal ----

  async #answer(batch: readonly MinuteItem[]): Promise<void> {
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    const rows = this.#moveFeatures(batch);
    const featuresUs = clock.monotonicUs();
    const toPublish = batch.filter((item) => item.publish);
    if (toPublish.length === 0) return;
    const scoring = this.#infer(rows);
    const scores = scoring instanceof Promise ? await scoring : scoring;
    const inferUs = clock.monotonicUs();
    const answers = this.#decide(toPublish, scores);
    const decideUs = clock.monotonicUs();
    const { arrivedUs } = toPublish[0]!;
    const handedUs: Record<Publisher['name'], number | null> = { websocket: null, redis: null, file: null };
    const nowMs = clock.nowMs();
    const publications = this.#encode(answers, nowMs);
    for (const publisher of this.#options.sockets) {
      publisher.publish(publications);
      handedUs[publisher.name] = clock.monotonicUs() - arrivedUs;
    }
    const publishUs = clock.monotonicUs();
    await this.#loopTurn();
    const fileStartUs = clock.monotonicUs();
    for (const publisher of this.#options.files) {
      publisher.publish(publications);
      handedUs[publisher.name] = clock.monotonicUs() - arrivedUs;
    }
    const fileUs = clock.monotonicUs();
    await this.#letConsumersRun();
    const restedUs = clock.monotonicUs();
    const isFollowed = this.#shadow !== null && rows > 0;
    if (isFollowed) await this.#followInShadow(this.#shadow!, answers, rows);
    const shadowUs = isFollowed ? clock.monotonicUs() : restedUs;
    this.#store(answers, nowMs);
    this.#options.observer.onSignals(answers, {
      signals: answers.length,
      features_us: featuresUs - startUs,
      infer_us: inferUs - featuresUs,
      decide_us: decideUs - inferUs,
      publish_us: publishUs - decideUs,
      file_us: fileUs - fileStartUs,
      shadow_us: shadowUs - restedUs,
      journal_us: clock.monotonicUs() - shadowUs,
      bar_to_signal_us: publishUs - arrivedUs,
      bar_to_us: handedUs,
    });
    for (const { state, time } of answers)
      foreseeSignalId(state, (time + SECONDS_PER_BAR) as OpenTime, this.#models, this.#options.policyHash);
    for (const resume of this.#waitingForBar.splice(0)) resume();
  }

  /** Steps the features and puts the pairs that are to be scored into the matrix. @returns how many rows it has */
  #moveFeatures(batch: readonly MinuteItem[]): number {
    const complete: PairBars[] = [];
    for (const { minute } of batch) {
      const state = this.#states[minute.pairIndex]!;
      state.heartbeats = isHeartbeat(minute) ? state.heartbeats + 1 : 0;
      if (minute.outcome === 'COMPLETE') complete.push(minute as PairBars);
    }
    this.#features.step(complete);
    let rows = 0;
    for (const { minute, publish } of batch) {
      const { pairIndex, outcome } = minute;
      const isScored = publish && (outcome === 'COMPLETE' || isHeartbeat(minute)) && this.#features.ready(pairIndex);
      this.#rows[pairIndex] = isScored ? rows : -1;
      if (isScored) this.#features.writeRow(pairIndex, this.#matrix, rows++ * this.#columns);
    }
    return rows;
  }

  /**
   * Scores the batch; a set that fails is dropped for the last good one within this very bar. A set that was slow is asked again at
   * once, for a pause of the machine is not its fault. Slow again, its answers still stand, and it is dropped right behind this bar.
   */
  #infer(rows: number): Scoring {
    const set = this.#models;
    if (set === null || rows === 0) return null;
    const { slowInferenceMs } = this.#options;
    return this.#ask(set, rows, (scores, tookMs) => {
      if (tookMs <= slowInferenceMs) return scores;
      return this.#ask(set, rows, (again, againMs) => {
        if (againMs > slowInferenceMs) this.#dropSlow(set, againMs);
        return again;
      });
    });
  }

  /** Asks a set, and for a fallback when it fails; without an await where it answers at once. */
  #ask(set: ModelSet, rows: number, judge: (scores: BatchScores, tookMs: number) => Scoring): Scoring {
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    const tookMs = (): number => (clock.monotonicUs() - startUs) / 1000;
    try {
      const answer = set.infer(this.#matrix, rows);
      if (!(answer instanceof Promise)) return judge(answer, tookMs());
      return answer.then(
        (scores) => judge(scores, tookMs()),
        (error: unknown) => this.#fallBack(error, set, rows),
      );
    } catch (error) {
      return this.#fallBack(error, set, rows);
    }
  }

  #fallBack(error: unknown, failed: ModelSet, rows: number): Scoring {
    this.#serve(this.#fallback);
    this.#fallback = null;
    this.#degradations.add('models');
    // Already active for this bar; a replay whose set does not fail again gets there by the journal. A swap that waits in the
    // queue is journalled before these two and takes effect after them: it ends both.
    if (this.#swapsToCome === 0) {
      this.#journalEvent('swap', this.#models?.version ?? '');
      this.#journalEvent('degraded', 'models');
    }
    this.#options.observer.onModelFailure(error, failed, this.#models);
    release(failed);
    return this.#infer(rows);
  }

  #dropSlow(set: ModelSet, tookMs: number): void {
    // A newer set is about to replace it anyway.
    if (this.#swapsToCome > 0) return;
    const fallback = this.#fallback;
    const { slowInferenceMs, observer } = this.#options;
    this.#journalEvent('swap', fallback?.version ?? '');
    this.#enqueue({ kind: 'drop', set });
    this.degraded('models');
    const seen = `${set.version}: ${tookMs.toFixed(0)} ms`;
    observer.onModelFailure(
      new MinutehandError('MODEL_SLOW', { seen, expected: `at most ${slowInferenceMs} ms` }),
      set,
      fallback,
    );
  }

  #decide(items: readonly MinuteItem[], scores: BatchScores | null): Answer[] {
    const context = this.#contextOf(this.#models, scores, this.#halted);
    return items.map(({ minute }) => {
      const state = this.#states[minute.pairIndex]!;
      const answer = answerMinute(context, state, minute, state.position, this.#rows[minute.pairIndex]!);
      state.position = answer.position;
      return answer;
    });
  }

  #contextOf(models: ModelSet | null, scores: BatchScores | null, halted: Uint8Array): AnswerContext {
    const { policy, policyHash, schema } = this.#options;
    const isDegraded = this.#degradations.size > 0;
    return {
      features: this.#features,
      policy,
      policyHash,
      featureSchema: schema.hash,
      models,
      scores,
      isDegraded,
      halted,
    };
  }

  #encode(answers: readonly Answer[], nowMs: EpochMs): readonly Publication[] {
    const { bootId, market, feedIntervalMs } = this.#options;
    return answers.map(({ state, minute, bodyText }) => {
      const expiryMs = validUntilMs(market, minute, nowMs, feedIntervalMs);
      this.#validUntilMs[minute.pairIndex] = expiryMs;
      return {
        pairId: state.pair.id,
        text: encodeSignal(bodyText, {
          schema: SIGNAL_SCHEMA,
          market,
          boot_id: bootId,
          seq: ++state.seq,
          generated_at_ms: nowMs,
          valid_until_ms: expiryMs,
        }),
      };
    });
  }

  /** What the shadow set would have said: journalled under the ids of what was published, and published nowhere. */
  async #followInShadow(shadow: ModelSet, answers: readonly Answer[], rows: number): Promise<void> {
    const { journal, observer } = this.#options;
    try {
      const scoring = shadow.infer(this.#matrix, rows);
      const scores = scoring instanceof Promise ? await scoring : scoring;
      // A shadow is measured, and measured best when nothing keeps it from entering.
      const context = this.#contextOf(shadow, scores, this.#noneHalted);
      for (const { state, minute, body } of answers) {
        const row = this.#rows[minute.pairIndex]!;
        if (row < 0 || minute.outcome !== 'COMPLETE') continue;
        const answer = answerMinute(context, state, minute, state.shadowPosition, row, body.signal_id);
        state.shadowPosition = answer.position;
        journal.shadow({
          signalId: body.signal_id,
          pairId: state.pair.id,
          time: minute.time,
          modelVersion: shadow.version,
          body: answer.bodyText,
          riskProb: answer.riskProb,
          position: positionText(answer.position),
        });
      }
    } catch (error) {
      this.#shadow = null;
      observer.onShadowFailure(error, shadow);
      release(shadow);
    }
  }

  #store(answers: readonly Answer[], nowMs: EpochMs): void {
    const { bootId, journal } = this.#options;
    for (const { state, minute, body, bodyText, riskProb, position } of answers) {
      const { pairIndex, time, outcome } = minute;
      journal.signal({
        bootId,
        seq: state.seq,
        pairId: state.pair.id,
        time,
        signalId: body.signal_id,
        body: bodyText,
        featuresCrc: outcome === 'COMPLETE' ? checksum(this.#featureBytes[pairIndex]!) : null,
        riskProb,
        position: positionText(position),
        generatedAtMs: nowMs,
      });
    }
    journal.flush();
  }
}

function positionText(position: Position): string {
  return position === FLAT ? FLAT_TEXT : JSON.stringify(position);
}

/**
 * A live bar that is answered more than one interval after its close is news no more: its signal counts from then and may be born
 * expired, so that a feeder that catches up cannot make anyone enter on an old minute. Other markets have clocks of their own.
 */
function validUntilMs(market: MarketKind, minute: AnsweredMinute, nowMs: number, intervalMs: number): number {
  const isNews = market !== 'live' || isHeartbeat(minute);
  const latestMs = isNews ? Infinity : (minute.time + SECONDS_PER_BAR) * 1000 + intervalMs;
  return Math.min(nowMs, latestMs) + Math.round(VALID_INTERVALS * intervalMs);
}

/** A set that cannot be let go of costs memory, not signals. */
function release(set: ModelSet): void {
  set.release().catch(() => undefined);
}
