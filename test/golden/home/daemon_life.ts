import { createJournal } from '../../../daemon/journal/journal.ts';
import { writeInPlace } from '../../../daemon/journal/journal_writer.ts';
import { recoveryStart, restoredInputs, subjectWarmup } from '../../../daemon/journal/recovery.ts';
import { pipelineSettings } from '../../../daemon/options/pipeline_options.ts';
import { Pipeline } from '../../../daemon/pipeline.ts';
import { barInput, emptyInput } from '../../../daemon/queue/input.ts';
import type { Bar, EpochMs } from '../../../shared/bar.ts';
import type { DirectionModel } from '../../../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { ALL_PAIRS, parseStanding, type StandingHalt } from '../../../shared/bundle/halts.ts';
import type { ModelSet } from '../../../shared/bundle/model_set.ts';
import type { ActiveRollout, RolloutStage } from '../../../shared/bundle/rollout.ts';
import { MACHINE_SCHEDULER } from '../../../shared/clock.ts';
import { isInstrument, parseSubject, type Timeframe } from '../../../shared/pair.ts';
import { decisionRecord } from '../../../shared/policy/decision_record.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { JournalFile } from '../../../shared/store/journal.ts';
import { LIFE_RULE } from './life_rule.ts';
import { COIN, type MarketMinute } from './old_market.ts';

/** Models that a life of the daemon uses. They are not released by it. */
export interface LifeModels {
  readonly champion: ModelSet;
  readonly challenger: ModelSet;
  readonly directions: Readonly<Partial<Record<Timeframe, DirectionModel>>>;
}

export interface LifeOptions {
  readonly settings: Settings;
  /** Policies that are approved later: one between two bars, one between two processes. */
  readonly laterPolicies: readonly [Settings, Settings];
  readonly market: readonly MarketMinute[];
  readonly models: LifeModels;
  readonly journal: JournalFile;
}

/** Minutes that arrive as backfill before the first live one: bars of five minutes are warm soon after. */
export const BACKFILL_MINUTES = 800;
/** Minutes of a whole life. */
export const LIFE_MINUTES = 1260;

const MINUTE_MS = 60_000;
/** Bars arrive this long after their close. */
const DELAY_MS = 250;

/** A daemon's pipeline on a journal file, with a clock that goes by the bars. */
interface Process {
  readonly pipeline: Pipeline;
  /** The version whose answers throw, and whether those of direction models do. */
  readonly failing: { version: string | null; direction: boolean };
}

/**
 * Everything that a journal can contain happens once, at fixed minutes: late, empty, missing and suspect bars, a gap,
 * swaps, a failing set and its fallback, a shadow, the stages of a rollout and one whose challenger fails, direction
 * models, a rule, series, halts, policies, leases, degradations, heartbeats, ends and starts of the process.
 * It depends on nothing but its options.
 */
export async function liveThrough(options: LifeOptions): Promise<void> {
  const { settings, laterPolicies, market } = options;
  const clock = { ms: market[0]!.time * 1000 + DELAY_MS };
  let process = await start(options, settings, clock);
  await backfill(process.pipeline, market.slice(0, BACKFILL_MINUTES));
  for (let index = BACKFILL_MINUTES; index < Math.min(LIFE_MINUTES, market.length); index++) {
    const { time, bars } = market[index]!;
    const live = index - BACKFILL_MINUTES;
    clock.ms = (time + 60) * 1000 + DELAY_MS;
    if (live === 250) process = await start(options, laterPolicies[0], clock);
    if (live === 320) {
      process.pipeline.inputs.shutDown();
      await process.pipeline.settled();
      process = await start(options, laterPolicies[1], clock);
    }
    // As a daemon does it before a rule becomes active.
    if (live === 305) await process.pipeline.warmRule(LIFE_RULE, options.journal);
    changeState(live, process, options);
    // Nothing arrives for a quarter of an hour: heartbeats only.
    if (live >= 270 && live < 285) process.pipeline.inputs.checkSilence();
    else for (const bar of bars) takeBar(live, bar, process, clock, market[index - 1]!.bars);
    await process.pipeline.settled();
  }
}

/** A life of one process in which nothing happens but bars, and what `change` applies. */
export interface PlainLife extends Omit<LifeOptions, 'laterPolicies'> {
  /** Minutes that arrive as backfill. */
  readonly backfilled: number;
  /** Called before the bars of a live minute, which are numbered from 0. */
  change(live: number, pipeline: Pipeline): Promise<void> | void;
}

/** As `liveThrough`: it depends on nothing but its options. */
export async function livePlainly(options: PlainLife): Promise<void> {
  const { settings, market, backfilled, change } = options;
  const clock = { ms: market[0]!.time * 1000 + DELAY_MS };
  const { pipeline } = await start(options, settings, clock);
  await backfill(pipeline, market.slice(0, backfilled));
  for (const [live, { time, bars }] of market.slice(backfilled).entries()) {
    clock.ms = (time + 60) * 1000 + DELAY_MS;
    await change(live, pipeline);
    for (const bar of bars) pipeline.inputs.take(barInput(bar, false));
    await pipeline.settled();
  }
}

async function backfill(pipeline: Pipeline, market: readonly MarketMinute[]): Promise<void> {
  for (const { bars } of market) for (const bar of bars) pipeline.inputs.take(barInput(bar, true));
  await pipeline.settled();
}

function takeBar(live: number, bar: Bar, { pipeline }: Process, clock: { ms: number }, before: readonly Bar[]): void {
  const { inputs } = pipeline;
  const { symbol, time } = bar;
  // The backfill of a process that has just started.
  const backfill = live >= 320 && live < 325;
  if (live === 20 && symbol === 'XAGUSD') {
    clock.ms += MINUTE_MS;
    return inputs.expire();
  }
  if (live === 21 && symbol === 'XAGUSD')
    inputs.take(
      barInput(
        before.find((own) => own.symbol === symbol)!,
        false,
      ),
    );
  if (live === 162 && symbol === 'EURUSD') {
    clock.ms += MINUTE_MS;
    return inputs.expire();
  }
  if (live === 25 && symbol === 'GBPUSD') return void inputs.take(emptyInput(symbol, time, false));
  // A price of a thousand times the others, for one minute.
  const isBad = live === 30 && symbol === 'XAUUSD';
  inputs.take(barInput(isBad ? { ...bar, high: bar.high * 1000 } : bar, backfill));
}

/** What takes effect before the bars of a live minute. */
function changeState(live: number, process: Process, { laterPolicies, models }: LifeOptions): void {
  const { failing, pipeline } = process;
  const { inputs } = pipeline;
  const { champion, challenger } = models;
  const swap = (set: ModelSet | null): void => inputs.apply({ kind: 'swap', set: guarded(set, process) });
  const halt = (...halts: StandingHalt[]): void => inputs.apply({ kind: 'halts', standing: { halts, resumed: [] } });
  const rollout = (stage: RolloutStage, id: string): void =>
    inputs.apply({ kind: 'rollout', rollout: rolloutAt(stage, id, models), set: guarded(challenger, process) });
  if (live % 30 === 5) observe(live, process);
  switch (live) {
    case 35:
      return inputs.apply({ kind: 'shadow', slot: 'pairs', set: guarded(challenger, process) });
    case 60:
      return inputs.apply({ kind: 'shadow', slot: 'pairs', set: null });
    case 70:
      return inputs.apply({ kind: 'degraded', what: 'file' });
    case 76:
      return inputs.apply({ kind: 'recovered', what: 'file' });
    case 80:
      return swap(challenger);
    case 90:
      return halt(
        { pair_id: 'EURUSD_GBPUSD', version: challenger.version },
        { pair_id: ALL_PAIRS, version: champion.version },
      );
    case 105:
      return halt();
    case 110:
      // The fallback answers this very bar.
      failing.version = challenger.version;
      return;
    case 120:
      failing.version = null;
      return swap(champion);
    case 130:
      return inputs.apply({ kind: 'policy', record: decisionRecord(laterPolicies[0]) });
    case 140:
      return rollout('test', 'r1');
    case 155:
      return rollout('pilot', 'r1');
    case 175:
      return rollout('rollout', 'r1');
    case 190:
      failing.version = challenger.version;
      return;
    case 195:
      failing.version = null;
      return rollout('full', 'r2');
    case 215:
      return inputs.apply({ kind: 'rollout', rollout: null, set: null });
    case 225:
      return inputs.apply({ kind: 'lease', fence: 1 });
    case 230:
      return inputs.apply({ kind: 'lease', fence: null, seen: 2 });
    case 240:
      return inputs.apply({ kind: 'lease', fence: 3 });
    case 292:
      // While it holds a position: this bar is answered without a model.
      failing.direction = true;
      return;
    case 300:
      failing.direction = false;
      return inputs.apply({ kind: 'direction', timeframe: '1m', set: guardedDirection('1m', process, models) });
    case 305:
      return inputs.apply({ kind: 'rule', instrument: COIN, rule: LIFE_RULE });
    case 308:
      return inputs.apply({ kind: 'rule', instrument: COIN, rule: null });
    case 310:
      return inputs.apply({ kind: 'direction', timeframe: '5m', set: null });
    case 320:
      return inputs.apply({ kind: 'news', events: [payrollsOf(process)] });
    case 340:
      return swap(null);
    case 350:
      return swap(challenger);
    case 370:
      return halt({ pair_id: 'XAUUSD_XAGUSD', version: challenger.version });
  }
}

/** An event of the calendar an hour later. The policies of this life heed none: only the journal shows it. */
function payrollsOf({ pipeline }: Process) {
  const closed = (pipeline.inputs.aligner.lastTimes().get('XAUUSD') ?? 0) + 60;
  return { time: closed + 3600, currency: 'USD', importance: 'high', name: 'Nonfarm Payrolls' } as const;
}

/** A funding rate that becomes known between two minutes. */
function observe(live: number, { pipeline }: Process): void {
  const closed = (pipeline.inputs.aligner.lastTimes().get(COIN) ?? 0) + 60;
  const observation = {
    symbol: COIN,
    name: 'funding_rate',
    eventTime: closed - 600,
    arrivalTime: closed + 0.25,
    value: (live % 7) / 70_000,
  } as const;
  pipeline.inputs.apply({ kind: 'series', observation });
}

const SHARES: Readonly<Record<RolloutStage, number>> = { test: 0.1, pilot: 0.3, rollout: 0.7, full: 1 };

function rolloutAt(stage: RolloutStage, id: string, { champion, challenger }: LifeModels): ActiveRollout {
  return {
    id,
    stage,
    share: SHARES[stage],
    champion: champion.version,
    challenger: challenger.version,
    key: '0f'.repeat(16),
    block_minutes: 5,
  };
}

/** A set that can be made to fail, and that this life does not release. */
function guarded(set: ModelSet, process: Process): ModelSet;
function guarded(set: ModelSet | null, process: Process): ModelSet | null;
function guarded(set: ModelSet | null, { failing }: Process): ModelSet | null {
  if (set === null) return null;
  return {
    ...set,
    hasEdge: set.hasEdge,
    release: () => Promise.resolve(),
    infer(...args) {
      if (set.version === failing.version) throw new Error('session lost');
      return set.infer(...args);
    },
  };
}

function guardedDirection(timeframe: Timeframe, { failing }: Process, { directions }: LifeModels): DirectionModel {
  const model = directions[timeframe]!;
  return {
    ...model,
    infer(...args) {
      if (failing.direction) throw new Error('session lost');
      return model.infer(...args);
    },
  };
}

/** A process starts on the journal: recovery, then the models that active.json and the pointers name. */
async function start(
  { models, journal }: Pick<LifeOptions, 'models' | 'journal'>,
  settings: Settings,
  clock: { ms: number },
): Promise<Process> {
  const { pairs, instruments, feed, windows } = settings.minutehand;
  const subjects = [...pairs, ...instruments].map(parseSubject);
  const bootId = new Date(clock.ms).toISOString().replaceAll(/[-:.]/g, '');
  const { policyHash, text: policyText } = decisionRecord(settings);
  const hash = featureSchema(windows).hash;
  journal.addBoot({ bootId, market: 'simulated', featureSchema: hash, policyHash, policyText, startedMs: clock.ms });
  const pipeline = new Pipeline({
    pairs: subjects.filter((subject) => !isInstrument(subject)),
    instruments: subjects.filter(isInstrument),
    ...pipelineSettings(settings),
    market: 'simulated',
    bootId,
    feedIntervalMs: feed.interval_ms,
    halts: parseStanding(journal.lastHalts()),
    slowInferenceMs: Infinity,
    restMs: 0,
    clock: { nowMs: () => clock.ms as EpochMs, monotonicUs: () => clock.ms * 1000 },
    scheduler: MACHINE_SCHEDULER,
    sockets: [],
    files: [],
    journal: createJournal({
      writer: writeInPlace(journal),
      scheduler: MACHINE_SCHEDULER,
      onFailure: (error) => {
        throw error;
      },
      onRecovered: () => undefined,
    }),
    observer: {
      onSignals: () => undefined,
      onSwap: () => undefined,
      onModelFailure: () => undefined,
      onShadowFailure: () => undefined,
      onChallengerFailure: () => undefined,
      onScreened: () => undefined,
    },
  });
  const process: Process = { pipeline, failing: { version: null, direction: false } };
  const from = recoveryStart(journal, subjects, subjectWarmup(windows));
  await pipeline.recover(
    restoredInputs(journal, from, [...journal.inputsFrom(from)]),
    journal.lastSignals(),
    async () => {
      pipeline.inputs.apply({ kind: 'swap', set: guarded(models.champion, process) });
      for (const timeframe of Object.keys(models.directions) as Timeframe[])
        pipeline.inputs.apply({ kind: 'direction', timeframe, set: guardedDirection(timeframe, process, models) });
    },
  );
  return process;
}
