import type { MarketKind } from '../../../shared/signal/signal.ts';
import { goLiveText } from '../../../shared/golive/golive_text.ts';
import { effectiveAdvice } from '../../../shared/effective_advice.ts';
import { utcDay } from '../../../shared/utc_day.ts';
import { afterRefusal, refusalText, type RefusedTraining } from '../../../shared/bundle/refused_training.ts';
import type { ErrorReport } from '../../../shared/errors.ts';
import type { RefusedFeed } from '../../jobs/bars/received_verdicts.ts';
import type { Presence } from '../../../shared/process/process_state.ts';
import { ask, ok, todo, type Judged } from './judged.ts';
import { WINDOWS_CHECKS, WINDOWS_IDS, type WindowsCheckId } from './windows_checks.ts';
import type { WindowsFacts } from './windows_facts.ts';
import { isRuleSlot, subjectOfRule, type SlotId } from '../../../shared/subject/slot.ts';

export const GO_LIVE_IDS = [
  'market',
  'daemon',
  'bars',
  'clock',
  'sessions',
  'costs',
  'history',
  'models',
  'gates',
  'edge',
  'news',
  'notifications',
  'backup',
  'standby',
  ...WINDOWS_IDS,
  'consumer',
  'paper',
] as const;
export type GoLiveId = (typeof GO_LIVE_IDS)[number];

/** One line of the checklist; the two texts say its outcome in English. */
export interface GoLiveCheck extends Judged {
  readonly id: GoLiveId;
  readonly seen: string;
  /** Empty when there is nothing to do. */
  readonly fix: string;
}

/** What a daemon reports, of those of this home. */
export interface DaemonFacts {
  readonly shard: string;
  readonly presence: Presence;
  readonly hasStandby: boolean;
  readonly health: {
    readonly market: string;
    readonly late_bars: { readonly message: string; readonly next: string } | null;
    /** Open of the last bar of each symbol, ISO 8601. */
    readonly last_bars: Readonly<Record<string, string>>;
    readonly lease: object | null;
  } | null;
}

export interface SymbolFacts {
  readonly symbol: string;
  /** Recent ones, which lead up to now without a long gap. */
  readonly bars: number;
  /** Of older bars, in words; empty without any. */
  readonly earlier: string;
  /** Hours of New York at which its weeks begin point to a wrong time zone; null with fewer than two openings. */
  readonly isClockSuspect: boolean | null;
  readonly weekOpens: Readonly<Record<string, number>>;
  readonly hasCosts: boolean;
  /** Costs equal the ones that minutehand is delivered with. */
  readonly hasDeliveredCosts: boolean;
  /** Neither spread nor commission nor slippage. */
  readonly areCostsTooSmall: boolean;
}

/** Everything that the checklist judges, of one moment. */
export interface GoLiveFacts {
  readonly nowMs: number;
  readonly market: MarketKind;
  /** The market trades at this moment. */
  readonly isOpen: boolean;
  readonly minBars: number;
  readonly daemons: readonly DaemonFacts[];
  readonly symbols: readonly SymbolFacts[];
  /** Symbols whose received bars an import of the same bars would refuse. */
  readonly refusedFeeds: readonly RefusedFeed[];
  /** Share of the minutes of either leg that both have, by pair; without pairs whose legs have no recent bars. */
  readonly sharedMinutes: ReadonlyMap<string, number>;
  readonly models: {
    /** Active ones. */
    readonly versions: readonly string[];
    /** `pairs`, or instruments, without active models. */
    readonly missing: readonly string[];
    /** Why daemons do not use it; null when they do. */
    readonly refusal: ErrorReport | null;
    /** The last training, where it did not pass. */
    readonly refusedTraining?: RefusedTraining | null;
    /** Models in use although gates failed, which stand in words. */
    readonly overrides: readonly {
      readonly version: string;
      readonly gates: string;
      /** The slot that they serve; absent: they challenge what serves. */
      readonly served?: SlotId;
    }[];
    readonly withEdge: readonly string[];
    readonly subjects: number;
  };
  /** How the calendar fails, with `news_stop`; null where it does not; absent where the policy stops for no news. */
  readonly news?: ErrorReport | null;
  /** End of the calendar, such as `2026-11-20 13:30`; null without one. */
  readonly newsUntil?: string | null;
  /** Absent on other systems. */
  readonly windows?: WindowsFacts;
  readonly channels: readonly string[];
  readonly channelProblems: readonly string[];
  /** When any channel took a message the last time, epoch ms. */
  readonly lastSentMs: number | null;
  readonly fills: {
    readonly places: readonly { readonly place: string; readonly account: string; readonly lastMs: number }[];
    readonly closedPaper: number;
    /** UTC days with a fill on paper. */
    readonly paperDays: number;
  };
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** A live bar arrives within this time of its close. */
const FRESH_MS = 5 * MINUTE_MS;
const CHANNEL_DAYS = 30;
const NEEDED_SHARED = 0.8;
/** A month of trading days, and as many positions as an edge needs for a verdict. */
export const PAPER_DAYS = 20;
export const PAPER_POSITIONS = 20;

const few = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} … (+${names.length - 5})`;

/** The checklist in the order in which its lines are worked off. Pure. */
export function goLiveChecks(facts: GoLiveFacts): GoLiveCheck[] {
  return GO_LIVE_IDS.flatMap((id) => {
    const judged = judge(id, facts);
    if (judged === null) return [];
    const { seen, fix } = goLiveText(judged.code, judged.values, 'en');
    return [{ id, ...judged, seen, fix: effectiveAdvice(fix) }];
  });
}

/** null for a line that other systems do not have. */
function judge(id: GoLiveId, facts: GoLiveFacts): Judged | null {
  if (!isOfWindows(id)) return CHECKS[id](facts);
  return facts.windows === undefined ? null : WINDOWS_CHECKS[id](facts.windows);
}

function isOfWindows(id: GoLiveId): id is WindowsCheckId {
  return (WINDOWS_IDS as readonly string[]).includes(id);
}

/** Nothing is left to do; what only a person can see does not count. */
export function isReadyForPaper(checks: readonly GoLiveCheck[]): boolean {
  return checks.every(({ id, verdict }) => verdict !== 'todo' || id === 'consumer' || id === 'paper');
}

/** An error that says itself what it is and what to do. */
const reported = (seen: string, fix: string): Judged => todo('reported', { seen, fix });
const errorOf = ({ code, message, next }: ErrorReport): Judged => reported(`${code}: ${message}`, next);

const CHECKS: Readonly<Record<Exclude<GoLiveId, WindowsCheckId>, (facts: GoLiveFacts) => Judged>> = {
  market: ({ market }) => (market === 'live' ? ok('market_live') : todo('market_simulated')),

  daemon({ daemons, market }) {
    const shardsOf = (some: GoLiveFacts['daemons']): string => few(some.map(({ shard }) => shard));
    const down = daemons.filter(({ presence }) => presence !== 'up');
    if (down.length > 0) return todo('daemon_down', { shards: shardsOf(down) });
    const other = daemons.filter(({ health }) => health !== null && health.market !== market);
    return other.length > 0
      ? todo('daemon_other_market', { shards: shardsOf(other) })
      : ok('daemon_up', { shards: shardsOf(daemons) });
  },

  bars({ daemons, symbols, refusedFeeds, nowMs, isOpen, market }) {
    const newest = new Map(daemons.flatMap(({ health }) => Object.entries(health?.last_bars ?? {})));
    const never = symbols.filter(({ symbol }) => !newest.has(symbol)).map(({ symbol }) => symbol);
    if (never.length > 0) return todo('bars_never', { symbols: few(never) });
    if (market === 'live' && isOpen) {
      const old = symbols
        .map(({ symbol }) => symbol)
        .filter((symbol) => nowMs - Date.parse(newest.get(symbol)!) > FRESH_MS + MINUTE_MS);
      if (old.length > 0) return todo('bars_old', { symbols: few(old) });
    }
    const refused = refusedFeeds.find(({ isCertain }) => isCertain) ?? refusedFeeds[0];
    if (refused !== undefined) return (refused.isCertain ? todo : ask)('bars_refused', { why: refused.text });
    return ok(isOpen ? 'bars_arrive' : 'bars_closed', { symbols: symbols.length });
  },

  clock({ daemons, symbols }) {
    const late = daemons.flatMap(({ health }) => health?.late_bars ?? []);
    if (late.length > 0) return reported(late[0]!.message, late[0]!.next);
    const wrong = symbols.filter(({ isClockSuspect }) => isClockSuspect === true);
    if (wrong.length > 0) {
      const { symbol, weekOpens } = wrong[0]!;
      return todo('clock_wrong', { symbol, hours: Object.keys(weekOpens).join(', ') });
    }
    const judged = symbols.filter(({ isClockSuspect }) => isClockSuspect === false).length;
    return judged < symbols.length
      ? ask('clock_unseen', { judged, symbols: symbols.length })
      : ok('clock_right', { symbols: judged });
  },

  sessions({ sharedMinutes }) {
    const apart = [...sharedMinutes].find(([, share]) => share < NEEDED_SHARED);
    if (apart !== undefined) return todo('sessions_apart', { pair: apart[0], percent: Math.round(100 * apart[1]) });
    return sharedMinutes.size === 0 ? ask('sessions_unknown') : ok('sessions_together', { pairs: sharedMinutes.size });
  },

  costs({ symbols }) {
    const missing = symbols.filter(({ hasCosts }) => !hasCosts).map(({ symbol }) => symbol);
    if (missing.length > 0) return todo('costs_missing', { symbols: few(missing) });
    const free = symbols.filter(({ areCostsTooSmall }) => areCostsTooSmall).map(({ symbol }) => symbol);
    if (free.length > 0) return todo('costs_zero', { symbols: few(free) });
    const delivered = symbols.filter(({ hasDeliveredCosts }) => hasDeliveredCosts).map(({ symbol }) => symbol);
    return delivered.length > 0
      ? todo('costs_delivered', { symbols: few(delivered) })
      : ok('costs_set', { symbols: symbols.length });
  },

  history({ symbols, minBars: needed }) {
    const short = symbols.filter(({ bars }) => bars < needed);
    if (short.length === 0) return ok('history_long', { needed, symbols: symbols.length });
    const texts = short.map(({ symbol, bars, earlier }) => `${symbol} ${bars}${earlier === '' ? '' : ` (${earlier})`}`);
    return todo('history_short', { needed, symbols: few(texts) });
  },

  models({ models: { versions, missing, refusal, refusedTraining: tried = null } }) {
    // Who has trained, and was refused, is not helped by the advice to train.
    if (tried !== null && (refusal !== null || missing.includes('pairs')))
      return reported(refusalText(tried), afterRefusal(tried));
    if (refusal !== null) {
      const { code, message, next } = refusal;
      return todo('models_refused', { code, message, next });
    }
    return missing.length > 0
      ? todo('models_missing', { subjects: few(missing) })
      : ok('models_active', { versions: few(versions) });
  },

  gates({ models: { versions, overrides } }) {
    if (overrides.length > 0) {
      const { served, ...one } = overrides[0]!;
      if (served === undefined || !isRuleSlot(served)) return todo('gates_overridden', one);
      return todo('rule_overridden', { ...one, subject: subjectOfRule(served) });
    }
    return versions.length === 0 ? ask('gates_nothing') : ok('gates_passed');
  },

  edge({ models: { versions, withEdge, subjects } }) {
    if (versions.length === 0) return ask('edge_nothing');
    return withEdge.length === 0
      ? todo('edge_none', { subjects })
      : ok('edge_some', { count: withEdge.length, subjects, names: few(withEdge) });
  },

  news({ news, newsUntil = null }) {
    if (news === undefined) return ok('news_off');
    if (news === null) return ok('news_known');
    if (news.code !== 'NEWS_STALE') return errorOf(news);
    return newsUntil === null ? todo('news_none') : todo('news_stale', { until: newsUntil });
  },

  notifications({ channels, channelProblems, lastSentMs, nowMs }) {
    if (channelProblems.length > 0) return todo('channel_problem', { problem: channelProblems[0]! });
    if (channels.length === 0) return todo('channel_none');
    const names = channels.join(', ');
    return lastSentMs === null || nowMs - lastSentMs > CHANNEL_DAYS * DAY_MS
      ? todo('channel_untested', { channels: names, days: CHANNEL_DAYS })
      : ok('channel_tested', { channels: names, day: utcDay(lastSentMs) });
  },

  backup: () => ask('backup_unseen'),

  standby({ daemons }) {
    const without = daemons.filter(
      ({ hasStandby, health }) => !hasStandby && (health === null || health.lease === null),
    );
    return daemons.length > 0 && without.length === 0 ? ok('standby_some') : ask('standby_none');
  },

  consumer({ fills: { places }, nowMs }) {
    if (places.length === 0) return todo('consumer_none');
    const texts = places.map(
      ({ place, account, lastMs }) => `${place} (${account}, ${utcDay(Math.min(lastMs, nowMs))})`,
    );
    return ok('consumer_some', { places: few(texts) });
  },

  paper({ market, fills: { closedPaper, paperDays } }) {
    const seen = { positions: closedPaper, days: paperDays, market };
    if (market === 'live' && closedPaper >= PAPER_POSITIONS && paperDays >= PAPER_DAYS) return ok('paper_done', seen);
    return todo('paper_short', { ...seen, needed_positions: PAPER_POSITIONS, needed_days: PAPER_DAYS });
  },
};
