import type { Bar, OpenTime } from '../bar.ts';
import type { Pair } from '../pair.ts';

/** Every kind of input that a journal has. */
export const INPUT_KINDS = [
  'bar',
  'empty',
  'suspect',
  'timeout',
  'silence',
  'silence_halt',
  'shutdown',
  'swap',
  'direction',
  'rule',
  'halts',
  'rollout',
  'policy',
  'lease',
  'news',
  'degraded',
  'recovered',
  'boot',
  'series',
  'earlier',
] as const;
export type InputKind = (typeof INPUT_KINDS)[number];

/**
 * One thing that took effect: a bar or an empty minute of a symbol, the mark of a bar that was held back as
 * suspect, a leg time-out of a pair, a heartbeat of its silence or of the daemon's end, a swap to a version, a
 * direction model of a timeframe, a rule of an instrument, a change of the halts, a stage of a rollout or its end, a
 * degradation or its end, another policy, another calendar of news, a boot, an observation of an auxiliary series, a
 * change that took effect before a minute whose bars stand before it.
 */
export interface InputRow {
  readonly kind: InputKind;
  /**
   * By kind: symbol, pair id, model version (empty: no models any more), timeframe and version of a
   * direction model, instrument and version of a rule, all active halts from here on
   * (`standingText` of shared/bundle/halts.ts), the rollout (`rolloutText` of shared/bundle/rollout.ts; `failed` and
   * its id when the challenger failed), the degradation, the policy (`DecisionRecord.text`), the calendar
   * (`calendarText` of shared/calendar/calendar_text.ts), boot id, or observation
   * (`observationText` of shared/store/observation.ts), or process, minute and row of an earlier change
   * (daemon/queue/earlier_change.ts).
   */
  readonly subject: string;
  /** Of an observation: the minute of its arrival. */
  readonly time: OpenTime;
  readonly bar: Bar | null;
  readonly backfill: boolean;
}

export interface SignalRow {
  readonly bootId: string;
  readonly seq: number;
  readonly pairId: string;
  readonly time: OpenTime;
  readonly signalId: string;
  /** The deterministic part of the signal, as encodeBody gives it. */
  readonly body: string;
  /** CRC-32 of the pair's feature values (float64, little endian); null when the bar moved no features. */
  readonly featuresCrc: string | null;
  readonly riskProb: number | null;
  /** The virtual position after the bar, as JSON. */
  readonly position: string;
  readonly generatedAtMs: number;
}

/** Signals of a pair that were made late. */
export interface LateSignals {
  readonly pairId: string;
  readonly signals: number;
  readonly worstMs: number;
}

/** The signal a shadow set would have produced instead of the published one. */
export interface ShadowRow {
  /** Of the published signal. */
  readonly signalId: string;
  readonly pairId: string;
  readonly time: OpenTime;
  readonly modelVersion: string;
  readonly body: string;
  readonly riskProb: number | null;
  /** The shadow's own virtual position after the bar, as JSON. */
  readonly position: string;
}

export interface BootRow {
  readonly bootId: string;
  readonly market: string;
  readonly featureSchema: string;
  readonly policyHash: string;
  /** `DecisionRecord.text` of that hash; absent in journals of earlier versions. */
  readonly policyText?: string;
  readonly startedMs: number;
}

/** Answer that a replay of the inputs must reproduce, to the byte. */
export interface AnsweredSignal {
  /** The process that answered. */
  readonly bootId: string;
  readonly pairId: string;
  readonly time: OpenTime;
  readonly body: string;
  readonly featuresCrc: string | null;
  readonly position: string;
}

export interface LastSignal {
  readonly pairId: string;
  readonly time: OpenTime;
  readonly position: string;
}

export interface RowNumbers {
  readonly inputs: number;
  readonly signals: number;
  readonly shadows: number;
}

export interface JournalStore {
  /**
   * Stores all or nothing, inputs before signals.
   * @param feedPosition position of a resumable feed after these inputs, in its own format; none = unchanged
   * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED
   */
  append(
    inputs: readonly InputRow[],
    signals: readonly SignalRow[],
    shadows?: readonly ShadowRow[],
    feedPosition?: string | null,
  ): void;
  /** The newest one that was stored; null when there is none. */
  feedPosition(): string | null;
  /**
   * Survives a power cut, and with it all that was stored before.
   * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED
   */
  addBoot(boot: BootRow): void;
  lastBoot(): BootRow | null;
  /** The policy of a hash that a boot or a `policy` input named; null when none did. */
  policyText(policyHash: string): string | null;
  /** The policy that a process started with; null where it was not recorded. */
  policyTextOfBoot(bootId: string): string | null;
  /** The number of the newest row of each kind: one more with each row, 0 before the first. */
  newestRows(): RowNumbers;
  /** The newest signal of each pair. */
  lastSignals(): LastSignal[];
  /** The newest answer of each pair by the shadow set of this version. */
  lastShadows(modelVersion: string): LastSignal[];
  /** The active halts at the end, as the text of their row; empty when there are none. They outlive boots. */
  lastHalts(): string;
  /** The newest of a lease that this journal's daemon has held or seen; 0 = none. */
  lastFence(): number;
  /** All answers of shadow sets, in order. */
  shadows(): IterableIterator<ShadowRow>;
  /**
   * Open time of the oldest of the last `count` minutes up to `until` that moved the pair's features: both legs have
   * them, none of the two bars was suspect, and they were not abandoned before the second leg arrived. When there are
   * fewer: of the oldest minute that both legs have and that was not abandoned, suspect or not; null when there is
   * none.
   */
  commonMinuteBefore(pair: Pair, count: number, until: OpenTime): OpenTime | null;
  /**
   * Open time of the `count`-th last bar of a symbol up to `until`; of its first when there are fewer, null when there
   * is none.
   */
  barBefore(symbol: string, count: number, until: OpenTime): OpenTime | null;
  /** All inputs from minute `from` on, in the order in which they took effect. */
  inputsFrom(from: OpenTime): IterableIterator<InputRow>;
  /** Observations that arrived in a minute from `from` on and before `to`, in that order. */
  seriesBetween(from: OpenTime, to: OpenTime): IterableIterator<InputRow>;
  /** The inputs of the kind `earlier`, in order. */
  earlierChanges(): IterableIterator<InputRow>;
  /** All signals in the order in which they were published. */
  signals(): IterableIterator<AnsweredSignal>;
  /** Symbols with bars, and the open of their last one. */
  lastBars(): Map<string, OpenTime>;
  /** Open times of the newest bars of a symbol, at most `count`, from the newest on. */
  newestBars(symbol: string, count: number): OpenTime[];
  /** The bars of one symbol in ascending time, from `from` on and before `to`; no others are read. */
  bars(symbol: string, from?: OpenTime, to?: OpenTime): IterableIterator<Bar>;
  /**
   * Deletes inputs and signals of minutes before `time`, but not the halts that were active then.
   * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED
   */
  forgetBefore(time: OpenTime): void;
  /**
   * Passes `read` a store with the contents of one moment (one read transaction), whatever other connections write
   * meanwhile. Nothing may be written to either store until it resolves.
   */
  snapshot<T>(read: (store: JournalStore) => Promise<T>): Promise<T>;
  close(): void;
}

/** Limits of `prune`. */
export interface PruneBounds {
  /** Row of the last signal that may go. */
  readonly throughRow: number;
  readonly publishedBeforeMs: number;
}

/** Limits of `forgetMinutes`: first minutes that stay. */
export interface ForgetBounds {
  readonly signals: OpenTime;
  /** Earlier than that of the signals by what their features need. */
  readonly inputs: OpenTime;
}

/** Progress of pruning. */
export interface PrunedSignals {
  /** Signals up to this row are gone, but for the newest of each pair. */
  readonly signalRow: number;
  /** The last input before that signal. */
  readonly afterInput: number;
  /** The last signal of each pair up to there. */
  readonly last: readonly LastSignal[];
}

/** One answered minute with what stood around it. */
export interface JournaledAnswer extends AnsweredSignal {
  readonly signalId: string;
  /** Of AI2 before its rank; null where nothing was scored. */
  readonly riskProb: number | null;
  readonly generatedAtMs: number;
  /** The virtual position before the minute, as JSON; null for the first one of the pair. */
  readonly positionBefore: string | null;
}

/** Inputs with ids after `after` and up to `through`, of minutes up to `until`. */
export interface InputRange {
  readonly after?: number;
  readonly through?: number;
  readonly until?: OpenTime;
  /** Also inputs of later minutes that stand between them. */
  readonly between?: boolean;
}

/** Signals: only those after row `after` and up to row `through`. */
export interface SignalRange {
  readonly after?: number;
  readonly through?: number;
  /** Of one pair or instrument alone. */
  readonly pairId?: string;
}

/** A journal on disk. */
export interface JournalFile extends JournalStore {
  /** Whether an input of this kind about this subject was stored, of minute `from` or later. */
  hasInput(kind: InputKind, subject: string, from: OpenTime): boolean;
  /**
   * By pair: first signals of a minute from `from` to before `to` that were made more than `limitMs` after its close,
   * and the greatest such delay. In a simulated market the clock of the signals is another one.
   */
  lateSignals(from: OpenTime, to: OpenTime, limitMs: number): readonly LateSignals[];
  /** Answers of one version from a minute on, in order; see `armVersion` of shared/bundle/rollout.ts for arms. */
  shadowsOf(modelVersion: string, from: OpenTime): IterableIterator<ShadowRow>;
  /** The answer to a minute of a pair, without the heartbeats that repeat it; null when there is none. */
  answerAt(pairId: string, time: OpenTime): JournaledAnswer | null;
  /**
   * The bar of the last signal of a pair or instrument that was published in a time by the wall clock, epoch ms, both
   * included; null: none was.
   */
  publishedAt(pairId: string, fromMs: number, toMs: number): OpenTime | null;
  /** Text of the calendar of news that an answer was decided with; null when there was none. */
  newsAt(answer: Pick<JournaledAnswer, 'pairId' | 'time'>): string | null;
  /** Version of the rule of a subject that had failed when this was answered in its place; null: none had. */
  failedRuleAt(answer: Pick<JournaledAnswer, 'pairId' | 'time'>): string | null;
  /** The virtual position of `pairId`, as JSON, when that answer was decided; null before the first signal of it. */
  positionAt(pairId: string, answer: Pick<JournaledAnswer, 'pairId' | 'time'>): string | null;
  /** The last `count` minutes of a pair up to `until` that moved its features, ascending; see `commonMinuteBefore`. */
  commonBars(pair: Pair, count: number, until: OpenTime): { readonly a: Bar; readonly b: Bar }[];
  inputsFrom(from: OpenTime, range?: InputRange): IterableIterator<InputRow>;
  earlierChanges(ids?: Pick<InputRange, 'after' | 'through'>): IterableIterator<InputRow>;
  signals(rows?: SignalRange): IterableIterator<AnsweredSignal>;
  /** Those of minutes from `from` on and before `to`, in that order; others are read only where they lie between. */
  signalsBetween(from: OpenTime, to: OpenTime): IterableIterator<AnsweredSignal>;
  /** null when nothing was ever pruned. */
  pruned(): PrunedSignals | null;
  /** As `pruned`, as if the signals of all minutes before `time` were; null when there are none. */
  stateBefore(time: OpenTime): PrunedSignals | null;
  /** The last input before the first signal of a minute from `time` on; null when there is no such signal. */
  inputBefore(time: OpenTime): number | null;
  /**
   * Deletes the oldest signals within the bounds and the shadow answers of their minutes, in one transaction. Inputs
   * stay, and so does the newest signal of each pair, which has its position. Their pages are used again; the file does
   * not shrink.
   * @param limit signals at most
   * @returns how many signals were passed; 0 when none is left within the bounds
   * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED
   */
  prune(bounds: PruneBounds, limit: number): number;
  /**
   * Deletes old minutes of a simulated market, so that what is left can be replayed: signals as `prune` does, and the
   * bars and heartbeats before them. Models, halts, policies and whatever else holds until it is replaced stay.
   * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED
   */
  forgetMinutes(bounds: ForgetBounds): void;
  /** See `signalFingerprint`; null when the row is not there. */
  fingerprintOf(signalRow: number): string | null;
}

/** Distinguishes a signal of one journal from the one in the same row of another. */
export function signalFingerprint(row: {
  readonly boot_id: string;
  readonly pair_id: string;
  readonly seq: number;
  readonly signal_id: string;
  readonly generated_at_ms: number;
}): string {
  return `${row.boot_id}/${row.pair_id}/${row.seq}/${row.signal_id}/${row.generated_at_ms}`;
}
