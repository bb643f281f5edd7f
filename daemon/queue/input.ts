import type { Bar, OpenTime } from '../../shared/bar.ts';
import { parseStanding, standingText, type Standing } from '../../shared/bundle/halts.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { FAILED_ROLLOUT, parseRolloutText, rolloutText, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { calendarText, parseCalendarText, type ScheduledEvent } from '../../shared/calendar/calendar_text.ts';
import type { ModelSlotId } from '../../shared/subject/slot.ts';
import type { Position } from '../../shared/core/position/position.ts';
import type { Arm } from '../../shared/core/rollout/assignment.ts';
import type { InstrumentPosition } from '../../shared/strategies/instrument_position.ts';
import type { Timeframe } from '../../shared/pair.ts';
import type { Observation } from '../../shared/core/series/series_book.ts';
import { parseDecisionRecord, type DecisionRecord } from '../../shared/policy/decision_record.ts';
import type { InputRow } from '../../shared/store/journal.ts';
import { leaseText, parseLeaseText, type JournaledLease } from '../../shared/store/lease_text.ts';
import { observationRow, parseObservation } from '../../shared/store/observation.ts';
import type { BarOutcome } from '../align/align.ts';
import { degradationText, parseDegradationText, scopeOf, type DegradationScope } from './degradation_set.ts';
import type { Degradation } from './degradations.ts';
import type { GivenObservation, ObservationClock, ObservationOutcome } from '../series/series_ledger.ts';
import { parseSlot } from '../../shared/subject/slot.ts';
import { slotOfRollout } from '../../shared/subject/written_names.ts';

/** One bar of a symbol, a minute without a trade, or the mark of a bar that was held back as suspect. */
export interface SymbolInput extends InputRow {
  readonly kind: 'bar' | 'empty' | 'suspect';
}

/** Of silence, of a silence so long that the mode is HALT, of the daemon's end. */
export type HeartbeatKind = 'silence' | 'silence_halt' | 'shutdown';

/** The end of a minute whose leg is overdue, or a heartbeat after the pair's last minute. */
export interface PairInput extends InputRow {
  readonly kind: 'timeout' | HeartbeatKind;
}

/** Another model set becomes active; null = none any more. */
export interface SwapInput {
  readonly kind: 'swap';
  readonly set: ModelSet | null;
  /** The active set that was too slow, when `set` is its fallback. */
  readonly slow?: ModelSet;
}

/** Another direction model for the instruments of a timeframe; null = none any more. */
export interface DirectionInput {
  readonly kind: 'direction';
  readonly timeframe: Timeframe;
  readonly set: DirectionModel | null;
  /** The active model that was too slow, when `set` is its fallback. */
  readonly slow?: DirectionModel;
}

/** Another rule for a subject, in place of its models; null = none any more. */
export interface RuleInput {
  readonly kind: 'rule';
  /** Id of the instrument, or of the pair. */
  readonly instrument: string;
  readonly rule: RuleModel | null;
}

/** Another rule in shadow for a subject; null = none any more. Not journaled: it publishes nothing. */
export interface RuleShadowInput {
  readonly kind: 'rule_shadow';
  /** Id of the instrument, or of the pair. */
  readonly instrument: string;
  readonly rule: RuleModel | null;
  /** Its virtual position so far, by id of the subject; flat where it has none. */
  readonly positions?: ReadonlyMap<string, Position | InstrumentPosition>;
}

/** All halts that hold from the next bar on, replacing all earlier ones. */
export interface HaltsInput {
  readonly kind: 'halts';
  readonly standing: Standing;
}

/** Something is wrong but signals continue (mode DEGRADED), until `recovered` names it. */
export interface DegradationInput {
  readonly kind: 'degraded' | 'recovered';
  readonly what: Degradation;
  /** Absent: by `scopeOf`. */
  readonly scope?: DegradationScope;
}

/** A process started here, without models and with nothing degraded. */
export interface BootInput {
  readonly kind: 'boot';
  readonly bootId: string;
}

/** Another policy of decisions and other costs hold from the next minute on. */
export interface PolicyInput {
  readonly kind: 'policy';
  readonly record: DecisionRecord;
}

/** Another shadow set; null = none any more. Not journaled: it publishes nothing. */
export interface ShadowInput {
  readonly kind: 'shadow';
  readonly slot: ModelSlotId;
  /** A direction model in a slot of one. */
  readonly set: ShadowModels | null;
  /** Its virtual positions so far, by id of the subject; flat where it has none. */
  readonly positions?: ReadonlyMap<string, Position | InstrumentPosition>;
}

/** What may score in shadow beside models, without publishing. */
export type ShadowModels = ModelSet | DirectionModel;

/** What a rollout compares with what serves: a set of pairs, a direction model of its timeframe, or a rule. */
export type Challenger = ShadowModels | RuleModel;

/** The state of a rollout from the next bar on. */
export interface RolloutInput {
  readonly kind: 'rollout';
  /** The active one; null = none any more. */
  readonly rollout: ActiveRollout | null;
  /**
   * Its challenger, a direction model where the rollout has a timeframe, a rule where it has an instrument, which the
   * pipeline releases; null without a rollout, and where this daemon has no subject of it.
   */
  readonly set: Challenger | null;
  /** Virtual positions so far by arm and subject; flat where there are none. */
  readonly positions?: Readonly<Record<Arm, ReadonlyMap<string, Position | InstrumentPosition>>>;
  /** Id of the rollout that ends because its challenger failed. */
  readonly failed?: string;
}

/** This daemon publishes under another lease, or none, from here on. */
export interface LeaseInput extends JournaledLease {
  readonly kind: 'lease';
}

/** The economic calendar as it is known from the next minute on, in place of the one before. */
export interface NewsInput {
  readonly kind: 'news';
  readonly events: readonly ScheduledEvent[];
}

/** A value of an auxiliary series; bars that close after its arrival see it. */
export interface SeriesInput {
  readonly kind: 'series';
  readonly observation: Observation;
}

/** A change that takes effect between two minutes. */
export type StateInput =
  | SwapInput
  | DirectionInput
  | RuleInput
  | RuleShadowInput
  | HaltsInput
  | DegradationInput
  | BootInput
  | ShadowInput
  | RolloutInput
  | PolicyInput
  | LeaseInput
  | NewsInput
  | SeriesInput;

/**
 * Everything that can change what the daemon answers: journaled, and applied alike live, in recovery and in a replay.
 */
export type Input = SymbolInput | PairInput | StateInput;

/** Destination of bars for the feeds. */
export interface BarSink {
  hasSymbol(symbol: string): boolean;
  take(input: SymbolInput): BarOutcome;
}

/** Destination of observations for the feeds. */
export interface SeriesSink {
  hasSymbol(symbol: string): boolean;
  /** @throws MinutehandError SERIES_FUTURE, SERIES_STALE, SERIES_CLOCK */
  observe(given: GivenObservation, clock: ObservationClock): ObservationOutcome;
}

export interface InputSink {
  /**
   * Journals changes that have taken effect already, before the minutes that are being answered.
   * @param replacement one of the same kind waits, and takes effect behind these minutes: nothing of them is left then
   */
  recordEarlier(changes: readonly StateInput[], replacement: 'waits' | 'none'): void;
  /** Journals an input that takes effect after all waiting ones. */
  apply(input: Input): void;
}

/** @param backfill moves features and publishes nothing */
export function barInput(bar: Bar, backfill: boolean): SymbolInput {
  return { kind: 'bar', subject: bar.symbol, time: bar.time, bar, backfill };
}

export function emptyInput(symbol: string, time: OpenTime, backfill: boolean): SymbolInput {
  return { kind: 'empty', subject: symbol, time, bar: null, backfill };
}

export function pairInput(kind: PairInput['kind'], pairId: string, time: OpenTime): PairInput {
  return { kind, subject: pairId, time, bar: null, backfill: false };
}

/**
 * A change of state as the journal has it, at the newest minute; null = not journaled. Every other input is its own
 * row.
 */
export function stateRow(input: StateInput, newest: OpenTime): InputRow | null {
  const row = (subject: string): InputRow => ({
    kind: input.kind as InputRow['kind'],
    subject,
    time: newest,
    bar: null,
    backfill: false,
  });
  switch (input.kind) {
    case 'swap':
      return row(input.set?.version ?? '');
    case 'direction':
      return row(`${input.timeframe} ${input.set?.manifest.version ?? ''}`);
    case 'rule':
      return row(`${input.instrument} ${input.rule?.manifest.version ?? ''}`);
    case 'halts':
      return row(standingText(input.standing));
    case 'degraded':
    case 'recovered':
      return row(degradationText(input.what, input.scope ?? scopeOf(input.what)));
    case 'boot':
      return row(input.bootId);
    case 'rollout':
      return row(input.failed === undefined ? rolloutText(input.rollout) : `${FAILED_ROLLOUT}${input.failed}`);
    case 'lease':
      return row(leaseText(input));
    case 'policy':
      return row(input.record.text);
    case 'news':
      return row(calendarText(input.events));
    case 'series':
      return observationRow(input.observation);
    case 'shadow':
    case 'rule_shadow':
      return null;
  }
}

const MINUTE_KINDS: Readonly<Record<(SymbolInput | PairInput)['kind'], true>> = {
  bar: true,
  empty: true,
  suspect: true,
  timeout: true,
  silence: true,
  silence_halt: true,
  shutdown: true,
};
type StateKind = Exclude<InputRow['kind'], keyof typeof MINUTE_KINDS | 'earlier'>;

/**
 * The input of a journal's row about bars or heartbeats; null for a change of state, which a restart reads elsewhere.
 */
export function minuteInputOf(row: InputRow): SymbolInput | PairInput | null {
  return row.kind in MINUTE_KINDS ? (row as SymbolInput | PairInput) : null;
}

/** The input of a row that a restart applies again: of a minute, or a series; null for any other. */
export function restoredInputOf(row: InputRow): SymbolInput | PairInput | SeriesInput | null {
  if (row.kind === 'series') return seriesInputOf(row);
  return minuteInputOf(row);
}

function seriesInputOf({ subject }: InputRow): SeriesInput {
  return { kind: 'series', observation: parseObservation(subject) };
}

/** Opens the direction model of a version for a timeframe. */
export type LoadDirection = (version: string, timeframe: Timeframe) => Promise<DirectionModel>;

/** Opens the rule of a version, to be served or as the challenger of a rollout. */
export type LoadRule = (version: string, role: 'served' | 'challenger') => Promise<RuleModel>;

/**
 * The input of any row of a journal.
 * @param loadModels opens the set of a version
 * @param loadDirection only where there are instruments
 * @param loadRule only where subjects may have rules
 */
export async function inputOf(
  row: InputRow,
  loadModels: (version: string) => Promise<ModelSet>,
  loadDirection?: LoadDirection,
  loadRule?: LoadRule,
): Promise<Input> {
  const minute = minuteInputOf(row);
  if (minute !== null) return minute;
  const { subject } = row;
  const kind = row.kind as StateKind;
  switch (kind) {
    case 'swap':
      return { kind, set: subject === '' ? null : await loadModels(subject) };
    case 'direction': {
      const [timeframe, version = ''] = subject.split(' ') as [Timeframe, string?];
      const isNone = version === '' || loadDirection === undefined;
      return { kind, timeframe, set: isNone ? null : await loadDirection(version, timeframe) };
    }
    case 'rule': {
      const [instrument, version = ''] = subject.split(' ') as [string, string?];
      const isNone = version === '' || loadRule === undefined;
      return { kind, instrument, rule: isNone ? null : await loadRule(version, 'served') };
    }
    case 'halts':
      return { kind, standing: parseStanding(subject) };
    case 'degraded':
    case 'recovered':
      return { kind, ...parseDegradationText(subject) };
    case 'boot':
      return { kind, bootId: subject };
    case 'rollout': {
      if (subject.startsWith(FAILED_ROLLOUT))
        return { kind, rollout: null, set: null, failed: subject.slice(FAILED_ROLLOUT.length) };
      const rollout = parseRolloutText(subject);
      if (rollout === null) return { kind, rollout, set: null };
      const { challenger } = rollout;
      const slot = parseSlot(slotOfRollout(rollout));
      if (slot.strategy === 'rule') return { kind, rollout, set: (await loadRule?.(challenger, 'challenger')) ?? null };
      if (slot.strategy === 'direction')
        return { kind, rollout, set: (await loadDirection?.(challenger, slot.timeframe)) ?? null };
      return { kind, rollout, set: await loadModels(challenger) };
    }
    case 'lease':
      return { kind, ...parseLeaseText(subject) };
    case 'news':
      return { kind, events: parseCalendarText(subject) };
    case 'policy':
      return { kind, record: parseDecisionRecord(subject) };
    case 'series':
      return seriesInputOf(row);
  }
}
