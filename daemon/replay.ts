import { createHash } from 'node:crypto';
import { SECONDS_PER_BAR, type OpenTime } from '../shared/bar.ts';
import { minutes, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { checkTimeframes } from '../shared/bar_file/own_timeframe.ts';
import { parseStanding } from '../shared/bundle/halts.ts';
import type { RuleModel } from '../shared/bundle/rule/rule_model.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { isInstrument, parseSubject, type Timeframe } from '../shared/pair.ts';
import { firstMinuteOfBars } from '../shared/store/warm_bars.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { decisionRecord, parseDecisionRecord } from '../shared/policy/decision_record.ts';
import { observationsIn } from '../shared/core/series/leg_series.ts';
import type { ScreenPolicy } from '../shared/core/screen/bar_screen.ts';
import { screenPolicy, type Settings } from '../shared/policy/policy.ts';
import type { Clock } from '../shared/ports.ts';
import type { AnsweredSignal, InputRow, JournalFile, JournalStore, PrunedSignals } from '../shared/store/journal.ts';
import { restoredInputs, screenedFrom, subjectWarmup } from './journal/recovery.ts';
import { NO_JOURNAL, type Journal } from './journal/journal.ts';
import { Pipeline } from './pipeline.ts';
import { pipelineSettings, type PipelineOptions } from './options/pipeline_options.ts';
import type { Publication } from './publish/publish.ts';
import { DegradationSet, directionSlot, PAIRS_SLOT, parseDegradationText, ruleSlot } from './queue/degradation_set.ts';
import {
  barInput,
  inputOf,
  minuteInputOf,
  type DirectionInput,
  type LoadDirection,
  type LoadRule,
  type StateInput,
} from './queue/input.ts';
import { ReplayedChanges } from './replayed_changes.ts';

const ROWS_PER_TURN = 500;

export interface ReplayOptions {
  readonly settings: Settings;
  /** Pairs and instruments. */
  readonly pairIds: readonly string[];
  readonly clock: Clock;
  readonly bootId: string;
  onSignals(batch: readonly Publication[]): void;
}

export interface ReplaySummary {
  readonly signals: number;
  readonly enters: number;
  readonly exits: number;
  /** SHA-256 over the deterministic part of every signal, one line each, in order. */
  readonly sha256: string;
}

/**
 * The daemon's own pipeline with nothing around it: signals go to `onSignals`, and a model that fails ends the replay.
 */
function createReplay(
  options: ReplayOptions,
  journal: Journal,
  screen: ScreenPolicy | null = screenPolicy(options.settings),
  replayedBefore?: PipelineOptions['replayedBefore'],
  /** Only signals of minutes before its end count. */
  span?: JournalReplayOptions['period'],
): { pipeline: Pipeline; settle(): Promise<void>; summary(): ReplaySummary } {
  const { settings, clock } = options;
  const { minutehand } = settings;
  const hash = createHash('sha256');
  const counts = { signals: 0, enters: 0, exits: 0 };
  let failure: unknown = null;
  const subjects = options.pairIds.map(parseSubject);
  const pipeline = new Pipeline({
    pairs: subjects.filter((subject) => !isInstrument(subject)),
    instruments: subjects.filter(isInstrument),
    ...pipelineSettings(settings),
    screen,
    market: 'replay',
    bootId: options.bootId,
    ...(replayedBefore && { replayedBefore }),
    feedIntervalMs: minutehand.feed.interval_ms,
    // Bars come as fast as they go here: nothing is silent, and a slow machine is no reason to drop a model.
    silence: { degradedIntervals: Infinity, haltIntervals: Infinity },
    slowInferenceMs: Infinity,
    restMs: 0,
    clock,
    scheduler: MACHINE_SCHEDULER,
    sockets: [
      { name: 'file', failures: 0, publish: (batch) => options.onSignals(batch), close: () => Promise.resolve() },
    ],
    files: [],
    journal,
    observer: {
      onSignals(batch) {
        for (const { body, bodyText, minute } of batch) {
          if (minute.time >= (span?.to ?? Infinity)) continue;
          hash.update(bodyText).update('\n');
          counts.signals++;
          if (body.action === 'ENTER') counts.enters++;
          if (body.action === 'EXIT') counts.exits++;
        }
      },
      onSwap: () => undefined,
      // A live daemon continues without models; a replay that did would prove nothing.
      onModelFailure: (error) => (failure = error),
      onDirectionFailure: (error) => (failure = error),
      onRuleFailure: (error) => (failure = error),
      onShadowFailure: () => undefined,
      onChallengerFailure: (error) => (failure = error),
      onScreened: () => undefined,
    },
  });
  return {
    pipeline,
    async settle() {
      await pipeline.settled();
      if (failure !== null) throw failure;
    },
    summary: () => ({ ...counts, sha256: hash.digest('hex') }),
  };
}

export interface BarReplayOptions extends ReplayOptions {
  readonly bars: ReadonlyMap<string, BarColumns>;
  /** null = pairs have none. */
  readonly models: ModelSet | null;
  /** Of the instruments' timeframes. */
  readonly directions?: readonly Pick<DirectionInput, 'timeframe' | 'set'>[];
  /** Of the instruments, in place of their direction models. */
  readonly rules?: readonly RuleModel[];
  /** Earlier bars warm the features and publish nothing. */
  readonly from: OpenTime;
  readonly to: OpenTime;
  onMinute(time: OpenTime): void;
}

/**
 * Runs bars through the pipeline, minute by minute, as fast as possible, and the series of their symbols as they
 * arrived.
 * @throws MinutehandError DATA_FORMAT as `checkTimeframes`
 */
export async function replayBars(options: BarReplayOptions): Promise<ReplaySummary & { readonly minutes: number }> {
  checkTimeframes(options.pairIds.map(parseSubject), options.bars);
  const { pipeline, settle, summary } = createReplay(options, NO_JOURNAL);
  const observations = observationsIn([...options.bars].map(([symbol, { series = {} }]) => [symbol, series]));
  let next = 0;
  let answered = 0;
  if (options.models !== null) pipeline.inputs.apply({ kind: 'swap', set: options.models });
  for (const direction of options.directions ?? []) pipeline.inputs.apply({ kind: 'direction', ...direction });
  for (const rule of options.rules ?? [])
    pipeline.inputs.apply({ kind: 'rule', instrument: rule.manifest.instrument, rule });
  // Before the first bar, so that it comes with those of the other symbols that formulas read.
  await settle();
  for (const { time, bars } of minutes(options.bars)) {
    if (time >= options.to) break;
    const isWarmUp = time < options.from;
    while (next < observations.length && observations[next]!.arrivalTime <= time + SECONDS_PER_BAR)
      pipeline.inputs.apply({ kind: 'series', observation: observations[next++]! });
    for (const bar of bars) pipeline.inputs.apply(barInput(bar, isWarmUp));
    pipeline.inputs.endMinute();
    await settle();
    if (!isWarmUp) answered++;
    options.onMinute(time);
  }
  return { ...summary(), minutes: answered };
}

export interface JournalReplayOptions extends ReplayOptions {
  /** After pruning, only the remaining signals are replayed. */
  readonly store: JournalStore & Partial<Pick<JournalFile, 'pruned' | 'stateBefore' | 'inputBefore'>>;
  /** Only the signals of these minutes; it needs a journal on disk. Without it all of them. */
  readonly period?: { readonly from: OpenTime; readonly to: OpenTime };
  /** Policy of the journal, or always that of `settings`. */
  readonly policy?: 'of journal' | 'of settings';
  /** The set of a version that was active. @throws MinutehandError MODEL_MISSING … */
  loadModels(version: string): Promise<ModelSet>;
  /** Only where there are instruments. @throws MinutehandError MODEL_MISSING … */
  readonly loadDirection?: LoadDirection;
  /** Only where there are instruments. @throws MinutehandError MODEL_MISSING … */
  loadRule?(version: string): RuleModel;
}

export interface JournalReplaySummary extends ReplaySummary {
  /** Signals whose body, features and position came out again to the byte. */
  readonly equal: number;
  /**
   * Signals after the last one of the journal: their inputs were stored, and their answers not yet. A daemon that
   * runs, or was killed, leaves some. 0 where the journal goes on behind the period: that some are missing is a
   * difference then.
   */
  readonly unanswered: number;
  /** Signals that did not, or that the journal has and the replay has not, or the other way round. */
  readonly different: number;
  /** The first of them. */
  readonly differences: readonly {
    readonly pair_id: string;
    readonly time: string;
    readonly journal: string | null;
    readonly replay: string | null;
  }[];
}

/**
 * Feeds the inputs of a journal back in the order in which they took effect, and compares the output with the journal's
 * signals. Inputs and signals are of one moment, so a daemon may keep writing.
 */
export function replayJournal(options: JournalReplayOptions): Promise<JournalReplaySummary> {
  return options.store.snapshot((store) => replaySnapshot({ ...options, store }));
}

async function replaySnapshot(options: JournalReplayOptions): Promise<JournalReplaySummary> {
  const { store, period } = options;
  const replayed: Replayed = new Map();
  const keyOf = createKeys();
  const before = stateAt(store, period?.from);
  const end = period === undefined ? null : stateAt(store, period.to);
  const ids = {
    after: before?.afterInput ?? 0,
    // Also those whose answers are missing at the end of the period.
    through: (period && store.inputBefore?.(period.to)) ?? Number.MAX_SAFE_INTEGER,
  };
  const first = firstPolicy(options, before, end);
  const journal = {
    ...NO_JOURNAL,
    signal: (row: AnsweredSignal) => void replayed.set(keyOf(row), { content: contentOf(row), place: replayed.size }),
  };
  const earlier = new ReplayedChanges(
    (store as JournalFile).earlierChanges(ids),
    () => signalsBetween(store, before, end),
    async (row) => (await inputOf(row, loadModels, opens.loadDirection, loadRule)) as StateInput,
  );
  const screen = screenOfRecord(first, options.settings);
  const { pipeline, settle, summary } = createReplay(options, journal, screen, earlier.before, period);
  const decidesAs = (text: string | null | undefined): void => {
    if (typeof text === 'string' && options.policy !== 'of settings')
      pipeline.inputs.apply({ kind: 'policy', record: parseDecisionRecord(text) });
  };
  // As live: formulas are warm before their models answer.
  const loadModels = async (version: string): Promise<ModelSet> => {
    const set = await options.loadModels(version);
    // Lets plans of released models end first.
    await pipeline.settled();
    await pipeline.warm(set, store);
    return set;
  };
  const loadRule: LoadRule = async (version, role) => {
    const rule = mustLoadRule(options)(version);
    try {
      await pipeline.warmRule(rule, store, role);
    } catch (error) {
      // One that failed on a bar between its warm-up and its beginning: a row behind that ends it.
      if (!(error instanceof MinutehandError && error.code === 'RULE_FAILED')) throw error;
    }
    return rule;
  };
  const loadDirection: LoadDirection = async (version, timeframe) => {
    const model = await options.loadDirection!(version, timeframe);
    await pipeline.warmDirection(model, store);
    return model;
  };
  const opens: JournalReplayOptions = options.loadDirection === undefined ? options : { ...options, loadDirection };
  decidesAs(first);
  await settle();
  if (before !== null) await resumeBehind(before, pipeline, { ...opens, loadModels, openRule: loadRule });
  let done = 0;
  for (const row of (store as JournalFile).inputsFrom(0 as OpenTime, ids)) {
    // Minutes that a killed process left unanswered were answered by the next one, but from the same bars and models.
    if (row.kind === 'boot') {
      await settle();
      decidesAs(store.policyTextOfBoot(row.subject));
    }
    await earlier.loadThrough(row.time);
    if (row.kind === 'earlier') continue;
    if (row.kind === 'policy') decidesAs(row.subject);
    else pipeline.inputs.apply(minuteInputOf(row) ?? (await inputOf(row, loadModels, opens.loadDirection, loadRule)));
    if (++done % ROWS_PER_TURN === 0) await settle();
  }
  await settle();
  // A minute of the period may have been answered behind the first one of the next.
  const later = end === null ? NONE : signalsBetween(store, end, null);
  return { ...summary(), ...compare(signalsBetween(store, before, end), replayed, later, period?.to) };
}

/** @throws MinutehandError MODEL_MISSING for a journal with rules where none can be opened */
function mustLoadRule({ loadRule }: Pick<JournalReplayOptions, 'loadRule'>): (version: string) => RuleModel {
  if (loadRule !== undefined) return loadRule;
  return (version) => {
    throw new MinutehandError('MODEL_MISSING', { seen: `the rule ${version}` });
  };
}

/** Daemons of the first rules confirmed a level by two agreeing bars, however far it was. */
function screenOfRecord(text: string | null, settings: Settings): ScreenPolicy | null {
  const screen = screenPolicy(settings);
  const isOfFirstRules = text !== null && !text.includes('"rules":');
  return screen !== null && isOfFirstRules ? { ...screen, max_jump: Infinity } : screen;
}

/** The policy of the first signal, where the journal has it. */
function firstPolicy(
  { store, settings }: JournalReplayOptions,
  before: PrunedSignals | null,
  end: PrunedSignals | null,
): string | null {
  for (const { body } of signalsBetween(store, before, end)) {
    const hash = /"policy_hash":"([0-9a-f]{16})"/.exec(body)?.[1];
    if (hash === undefined) return null;
    // Without a text, it may be the policy of the settings under the rules of the first version.
    const first = decisionRecord({ ...settings, rules: 1 });
    return store.policyText(hash) ?? (first.policyHash === hash ? first.text : null);
  }
  return null;
}

function stateAt(store: JournalReplayOptions['store'], time: OpenTime | undefined): PrunedSignals | null {
  return (time === undefined ? store.pruned?.() : store.stateBefore?.(time)) ?? null;
}

/** A store that is not on disk was never pruned, and gives all its rows. */
function signalsBetween(
  store: JournalStore,
  before: PrunedSignals | null,
  end: PrunedSignals | null,
): IterableIterator<AnsweredSignal> {
  const rows = { after: before?.signalRow ?? 0, ...(end && { through: end.signalRow }) };
  return (store as JournalFile).signals(rows);
}

/** Restores a pipeline to the daemon's state after the last pruned signal, as a restart does. */
async function resumeBehind(
  { afterInput, last }: PrunedSignals,
  pipeline: Pipeline,
  {
    settings,
    pairIds,
    store,
    loadModels,
    loadDirection,
    openRule,
  }: JournalReplayOptions & { readonly openRule: LoadRule },
): Promise<void> {
  const journal = store as JournalFile;
  const ids = { through: afterInput };
  const active = standingAt(journal.inputsFrom(0 as OpenTime, ids));
  const warmupOf = subjectWarmup(settings.minutehand.windows);
  const starts = last.flatMap(({ pairId, time }) => {
    if (!pairIds.includes(pairId)) return [];
    const pair = parseSubject(pairId);
    return screenedFrom(journal, pair, firstMinuteOfBars(journal, pair, warmupOf(pair), time) ?? time);
  });
  const from = Math.min(...starts, Number.MAX_SAFE_INTEGER) as OpenTime;
  await pipeline.recover(restoredInputs(journal, from, journal.inputsFrom(from, ids)), last, async () => {
    if (active.version !== '') pipeline.inputs.apply({ kind: 'swap', set: await loadModels(active.version) });
    for (const row of active.directions) pipeline.inputs.apply(await inputOf(row, loadModels, loadDirection));
    for (const row of active.rules) pipeline.inputs.apply(await inputOf(row, loadModels, loadDirection, openRule));
    pipeline.inputs.apply({ kind: 'halts', standing: parseStanding(active.halts) });
    if (active.news !== null) pipeline.inputs.apply(await inputOf(active.news, loadModels));
    if (active.rollout !== null)
      pipeline.inputs.apply(await inputOf(active.rollout, loadModels, loadDirection, openRule));
    for (const text of active.degradations.texts())
      pipeline.inputs.apply({ kind: 'degraded', ...parseDegradationText(text) });
  });
}

interface StandingState {
  readonly version: string;
  readonly halts: string;
  readonly degradations: DegradationSet;
  /** Rows of the direction models. */
  readonly directions: Iterable<InputRow>;
  /** Rows of the rules. */
  readonly rules: Iterable<InputRow>;
  /** Row of its stage. */
  readonly rollout: InputRow | null;
  /** Row of the calendar. */
  readonly news: InputRow | null;
}

/** Models, halts, degradations, rollout and calendar after these inputs. */
function standingAt(inputs: Iterable<InputRow>): StandingState {
  const degradations = new DegradationSet();
  let version = '';
  let halts = '';
  let rollout: InputRow | null = null;
  let news: InputRow | null = null;
  const directions = new Map<string, InputRow>();
  const rules = new Map<string, InputRow>();
  for (const row of inputs) {
    const { kind, subject } = row;
    if (kind === 'swap') {
      version = subject;
      if (version !== '') degradations.endOfSlot(PAIRS_SLOT);
    } else if (kind === 'halts') halts = subject;
    else if (kind === 'rollout') rollout = row;
    else if (kind === 'news') news = row;
    else if (kind === 'rule') {
      const [instrument] = subject.split(' ') as [string];
      rules.set(instrument, row);
      degradations.endOfSlot(ruleSlot(instrument));
    } else if (kind === 'direction') {
      const [timeframe, direction = ''] = subject.split(' ') as [Timeframe, string?];
      directions.set(timeframe, row);
      if (direction !== '') degradations.endOfSlot(directionSlot(timeframe));
    } else if (kind === 'degraded' || kind === 'recovered') {
      const { what, scope } = parseDegradationText(subject);
      if (kind === 'degraded') degradations.add(what, scope);
      else degradations.delete(what, scope);
    }
    if (kind === 'boot') {
      version = '';
      rollout = null;
      news = null;
      directions.clear();
      rules.clear();
      degradations.clear();
    }
  }
  return {
    version,
    halts,
    degradations,
    directions: directions.values(),
    rules: rules.values(),
    rollout,
    news,
  };
}

const MAX_DIFFERENCES = 20;
const NONE: readonly AnsweredSignal[] = [];

/** By key: what came out, and as the how many-th. */
type Replayed = Map<string, { readonly content: string; readonly place: number }>;

function compare(
  signals: Iterable<AnsweredSignal>,
  replayed: Replayed,
  later: Iterable<AnsweredSignal>,
  to: OpenTime = Number.MAX_SAFE_INTEGER as OpenTime,
): Pick<JournalReplaySummary, 'equal' | 'unanswered' | 'different' | 'differences'> {
  const differences: JournalReplaySummary['differences'][number][] = [];
  let equal = 0;
  let different = 0;
  const differ = (key: string, journal: string | null, replay: string | null): void => {
    const [pair_id, time] = key.split(' ') as [string, string];
    different++;
    if (differences.length < MAX_DIFFERENCES)
      differences.push({ pair_id, time: new Date(Number(time) * 1000).toISOString(), journal, replay });
  };
  let lastPlace = -1;
  const keyOf = createKeys();
  for (const signal of signals) {
    const key = keyOf(signal);
    const journal = contentOf(signal);
    const replay = replayed.get(key);
    if (replay?.content === journal) equal++;
    else differ(key, journal, replay?.content ?? null);
    lastPlace = Math.max(lastPlace, replay?.place ?? -1);
    replayed.delete(key);
  }
  // Bars of the next period may be stored together with the last signals of this one.
  for (const key of replayed.keys()) if (Number(key.split(' ')[1]) >= to) replayed.delete(key);
  let isEnd = true;
  for (const signal of later) {
    isEnd = false;
    if (replayed.size === 0) break;
    const key = keyOf(signal);
    const own = replayed.get(key);
    if (own === undefined) continue;
    const journal = contentOf(signal);
    if (own.content === journal) equal++;
    else differ(key, journal, own.content);
    replayed.delete(key);
  }
  let unanswered = 0;
  for (const [key, { content, place }] of replayed) {
    if (isEnd && place > lastPlace) unanswered++;
    else differ(key, null, content);
  }
  return { equal, unanswered, different, differences };
}

/** Names the signals of a pair: a minute, and the how many-th signal after it, for heartbeats of silence follow one. */
function createKeys(): (signal: Pick<AnsweredSignal, 'pairId' | 'time'>) => string {
  const last = new Map<string, { time: OpenTime; count: number }>();
  return ({ pairId, time }) => {
    const before = last.get(pairId);
    const count = before?.time === time ? before.count + 1 : 0;
    last.set(pairId, { time, count });
    return `${pairId} ${time} ${count}`;
  };
}

function contentOf({ body, featuresCrc, position }: Pick<AnsweredSignal, 'body' | 'featuresCrc' | 'position'>): string {
  return `${body}} features ${featuresCrc} position ${position}`;
}
