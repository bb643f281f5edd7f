import { isDeepStrictEqual } from 'node:util';
import { isoMinute, SECONDS_PER_BAR, shownMinute } from '../../../shared/bar.ts';
import { createClockCheck } from '../../../shared/bar_file/clock_check.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { readActiveRule, ruleOpener } from '../../../shared/bundle/rule/active_rule.ts';
import { readActiveOfSlot, shelfOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import { gatesText } from '../../../shared/bundle/recorded_gates.ts';
import { refusedTraining } from '../../../shared/bundle/refused_training.ts';
import { describeError, type ErrorReport } from '../../../shared/errors.ts';
import { refuseDenied, isThere } from '../../../shared/files.ts';
import { activePath } from '../../../shared/bundle/bundle.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { earlierText, recentBars } from '../../../shared/core/recent_history.ts';
import { isOpenMinute } from '../../../shared/market/trading_week.ts';
import { isInstrument, type Pair, parseSubject, symbolsOf } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { areTooSmall } from '../../../shared/policy/believed_costs.ts';
import { deliveredCosts } from '../../../shared/policy/delivered.ts';
import { type Settings, type Shard, shardsOf } from '../../../shared/policy/policy.ts';
import { daemonState } from '../../../shared/process/daemon_state.ts';
import { isTaken } from '../../../shared/process/process_state.ts';
import { historyEnd, journaledTimes, journalsOf, type NewestTimes, storedTimes } from '../../jobs/bars/recent_bars.ts';
import { feedVerdicts, refusedFeeds } from '../../jobs/bars/received_verdicts.ts';
import type { Store } from '../../store/store.ts';
import { calendarNowMs } from '../news/calendar_now.ts';
import { calendarFault } from '../../../shared/calendar/calendar_file.ts';
import { newsCoverage } from '../../store/news.ts';
import {
  refusedModels,
  standingOverrides,
  standingRejections,
  type StandingRejections,
} from '../admission/standing.ts';
import { accountIdOf, programName } from '../fills/account_id.ts';
import { readTrades } from '../fills/live_trades.ts';
import type { ChannelStatus } from '../notify/channels/open_channels.ts';
import type { DaemonFacts, GoLiveFacts, SymbolFacts } from './checks.ts';
import { readWindowsFacts } from './windows_facts.ts';
import * as z from 'zod';
import { modelSlotOf, type ModelSlotId, ruleSlot, type SlotId } from '../../../shared/subject/slot.ts';
import { filesOf } from '../../../shared/bundle/slot_files.ts';

/** What of a daemon's `/healthz` the checklist judges; one of another version may report more or less. */
const healthFacts = z.looseObject({
  shard: z.string(),
  market: z.string(),
  late_bars: z.looseObject({ message: z.string(), next: z.string() }).nullable().default(null),
  last_bars: z.record(z.string(), z.string()),
  lease: z.looseObject({}).nullable().default(null),
});

/** Eight weeks: enough openings to see a time zone. */
const BARS_READ = 60_000;
/** Two weeks, in which the sessions of legs are compared. */
const COMPARED_S = 14 * 86_400;
/** With fewer minutes of either leg nothing is compared. */
const MIN_COMPARED = COMPARED_S / SECONDS_PER_BAR / 20;
const MIN_OPENINGS = 2;
const UTC_DAY_MS = 86_400_000;

/**
 * Looks at everything that the checklist judges.
 * @param store null: nothing was stored yet
 * @param channels of the trainer, which sends the notifications
 * @throws MinutehandError when a journal or the store cannot be read
 */
export async function readGoLiveFacts(
  settings: Settings,
  paths: HomePaths,
  store: Store | null,
  nowMs: number,
  channels: ChannelStatus,
): Promise<GoLiveFacts> {
  const { market, pairs, instruments, train } = settings.minutehand;
  const subjects = [...pairs, ...instruments].map(parseSubject);
  const times = await knownTimes(settings, paths, store, Math.max(BARS_READ, train.min_bars));
  const delivered = deliveredCosts();
  const sharedOf = ({ id, a, b }: (typeof subjects)[number]) => {
    const share = sharedMinutes(times.get(a) ?? [], times.get(b) ?? []);
    return share === null ? [] : [[id, share] as const];
  };
  return {
    nowMs,
    market,
    isOpen: market !== 'live' || isOpenMinute(nowMs / 1000),
    minBars: train.min_bars,
    daemons: await Promise.all(shardsOf(settings.minutehand).map((shard) => lookAt(settings, paths, shard))),
    symbols: symbolsOf(subjects).map((symbol) => symbolFacts(symbol, times.get(symbol) ?? [], settings, delivered)),
    refusedFeeds: refusedFeeds(await feedVerdicts(settings, paths)),
    sharedMinutes: new Map(subjects.filter((own) => !isInstrument(own)).flatMap(sharedOf)),
    models: modelFacts(settings, paths, await standingRejections(paths)),
    ...(await newsFacts(settings, store, calendarNowMs(settings, paths, nowMs))),
    ...(await readWindowsFacts(paths)),
    channels: channels.names,
    channelProblems: channels.problems,
    lastSentMs: store === null ? null : await lastSent(store),
    fills: store === null ? { places: [], closedPaper: 0, paperDays: 0 } : await fillFacts(store, settings),
  };
}

/** Opens of the newest bars of each symbol, ascending, journaled and imported ones together. */
async function knownTimes(
  settings: Settings,
  paths: HomePaths,
  store: Store | null,
  enough: number,
): Promise<ReadonlyMap<string, Float64Array>> {
  const sources: NewestTimes[] = journalsOf(settings, paths)
    .filter((path) => isThere(path))
    .map((path) => journaledTimes(path, enough));
  if (store !== null) sources.push(await storedTimes(store, settings.minutehand.market, enough));
  const symbols = new Set(sources.flatMap((source) => [...source.keys()]));
  return new Map(
    [...symbols].map((symbol) => {
      const times = new Set(sources.flatMap((source) => source.get(symbol) ?? []));
      return [symbol, Float64Array.from(times).sort()];
    }),
  );
}

function symbolFacts(
  symbol: string,
  times: ArrayLike<number>,
  { minutehand }: Settings,
  delivered: Readonly<Record<string, unknown>>,
): SymbolFacts {
  const recent = recentBars(times, historyEnd(minutehand.market));
  const check = createClockCheck();
  check.add({ time: Float64Array.from(times), length: times.length });
  const { week_opens_new_york: weekOpens, suspect } = check.report();
  const openings = Object.values(weekOpens).reduce((sum, count) => sum + count, 0);
  const costs = minutehand.symbols[symbol];
  return {
    symbol,
    bars: recent.bars,
    earlier: earlierText(recent),
    isClockSuspect: openings < MIN_OPENINGS ? null : suspect,
    weekOpens,
    hasCosts: costs !== undefined,
    hasDeliveredCosts: costs !== undefined && isDeepStrictEqual(costs, delivered[symbol]),
    areCostsTooSmall: costs !== undefined && areTooSmall(symbol, costs),
  };
}

/**
 * Share of the minutes of either leg that both have, over the two weeks up to the older of their newest bars.
 * @param a opens in epoch seconds, ascending
 * @returns null with too few minutes
 */
export function sharedMinutes(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  if (a.length === 0 || b.length === 0) return null;
  const to = Math.min(a[a.length - 1]!, b[b.length - 1]!);
  const from = Math.max(to - COMPARED_S, a[0]!, b[0]!);
  const within = (time: number): boolean => time >= from && time <= to;
  const ofA = new Set(Array.from(a).filter(within));
  const ofB = Array.from(b).filter(within);
  const both = ofB.filter((time) => ofA.has(time)).length;
  const either = ofA.size + ofB.length - both;
  return either < MIN_COMPARED ? null : both / either;
}

async function lookAt(settings: Settings, paths: HomePaths, shard: Shard): Promise<DaemonFacts> {
  const { presence, health } = await daemonState(settings, paths, shard, healthFacts);
  return { shard: shard.name, presence, hasStandby: isTaken(paths.lock(`standby_${shard.name}`)) === true, health };
}

/** What a pointer names for subjects. */
interface Answering {
  readonly slot: SlotId;
  readonly version: string;
  /** Whether a subject has an edge, once it was asked for. */
  edge?: (subject: Pair) => boolean;
  readEdge(): (subject: Pair) => boolean;
}

/** @throws MinutehandError as readAccepted */
function ruleOf({ id }: Pair, paths: HomePaths): Answering | null {
  const { models } = paths;
  const active = readActiveRule(models, id, trainerMarks(paths, filesOf(models, ruleSlot(id)).active.name));
  if (active === null) return null;
  const { version } = active;
  return {
    slot: ruleSlot(id),
    version,
    readEdge() {
      const { no_edge } = ruleOpener(models)(version).manifest.edge;
      return () => !no_edge;
    },
  };
}

/** @throws MinutehandError as readAccepted */
function modelsOf(slot: ModelSlotId, paths: HomePaths): Answering | null {
  const { models } = paths;
  const active = readActiveOfSlot(models, slot, trainerMarks(paths, filesOf(models, slot).active.name));
  if (active === null) return null;
  const { version } = active;
  const shelf = shelfOfSlot(slot);
  return {
    slot,
    version,
    readEdge: () => shelf.edgeOf(pathInside(shelf.folder(models), version)),
  };
}

function modelFacts(settings: Settings, paths: HomePaths, rejections: StandingRejections): GoLiveFacts['models'] {
  const { pairs, instruments } = settings.minutehand;
  const versions = new Set<string>();
  const missing = new Set<string>();
  const withEdge: string[] = [];
  const refused = refusedModels(settings, paths);
  // What a pointer names and no daemon here runs is not in use: it has passed nothing, and has no edge.
  const isInUse = (slot: SlotId): boolean => refused.every((one) => one.role !== 'active' || one.slot !== slot);
  let refusal: ErrorReport | null = refused[0] ?? null;
  const answering = new Map<SlotId, Answering | null>();
  try {
    refuseDenied(activePath(paths.models));
    for (const subject of [...pairs, ...instruments].map(parseSubject)) {
      const rule = ruleOf(subject, paths);
      const slot = modelSlotOf(subject);
      if (rule === null && !answering.has(slot)) answering.set(slot, modelsOf(slot, paths));
      // A rule answers in place of the models.
      const own = rule ?? answering.get(slot) ?? null;
      if (own === null) {
        missing.add(isInstrument(subject) ? subject.id : slot);
        continue;
      }
      if (!isInUse(own.slot)) continue;
      versions.add(own.version);
      own.edge ??= own.readEdge();
      if (own.edge(subject)) withEdge.push(subject.id);
    }
  } catch (error) {
    refusal ??= describeError(error);
  }
  return {
    versions: [...versions],
    missing: [...missing],
    refusal,
    refusedTraining: refusedTraining(paths.models, settings.minutehand.market),
    overrides: standingOverrides(paths.models, rejections).map(({ slot, role, version, gates }) => ({
      version,
      gates: gatesText(gates),
      ...(role === 'active' && { served: slot }),
    })),
    withEdge,
    subjects: pairs.length + instruments.length,
  };
}

/** How the economic calendar stands, where the policy stops for news. */
async function newsFacts(
  { core }: Settings,
  store: Store | null,
  nowMs: number,
): Promise<Pick<GoLiveFacts, 'news' | 'newsUntil'>> {
  if (core.news_stop === null) return {};
  const coverage = store === null ? null : await newsCoverage(store);
  const fault = calendarFault(coverage, nowMs);
  const newsUntil = coverage === null ? null : shownMinute(isoMinute(coverage.coversUntil));
  return { news: fault === null ? null : describeError(fault), newsUntil };
}

/** When any channel took a message the last time. */
async function lastSent({ db }: Store): Promise<number | null> {
  const { newest } = await db
    .selectFrom('core.alert_deliveries')
    .select(({ fn }) => fn.max('sent_ms').as('newest'))
    .where('status', '=', 'sent')
    .executeTakeFirstOrThrow();
  return newest === null ? null : Number(newest);
}

async function fillFacts(store: Store, { minutehand }: Settings): Promise<GoLiveFacts['fills']> {
  const fills = await readTrades(store, { market: minutehand.market });
  const places = new Map<string, GoLiveFacts['fills']['places'][number]>();
  const paperDays = new Set<number>();
  const closed = new Set<string>();
  for (const { account, place, time_ms, kind, position_id } of fills) {
    const key = accountIdOf({ account, place });
    places.set(key, { place: programName(place), account, lastMs: Math.max(places.get(key)?.lastMs ?? 0, time_ms) });
    if (account !== 'paper') continue;
    paperDays.add(Math.floor(time_ms / UTC_DAY_MS));
    // Several accounts that follow the same signals show no more than one of them.
    if (kind === 'close') closed.add(position_id);
  }
  return { places: [...places.values()], closedPaper: closed.size, paperDays: paperDays.size };
}
