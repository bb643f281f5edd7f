import { utcDay } from '../../../shared/utc_day.ts';
import { afterRefusal, refusalText, type RefusedTraining } from '../../../shared/bundle/refused_training.ts';
import { counted } from '../../../shared/counted.ts';
import type { ErrorReport } from '../../../shared/errors.ts';
import type { RefusedFeed } from '../../jobs/bars/received_verdicts.ts';
import type { Presence } from '../../../shared/process/process_state.ts';

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
  'consumer',
  'paper',
] as const;
export type GoLiveId = (typeof GO_LIVE_IDS)[number];

/** One line of the checklist. */
export interface GoLiveCheck {
  readonly id: GoLiveId;
  /** `todo` blocks; `ask`: minutehand cannot see it, and a person decides. */
  readonly verdict: 'ok' | 'todo' | 'ask';
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
}

/** Everything that the checklist judges, of one moment. */
export interface GoLiveFacts {
  readonly nowMs: number;
  readonly market: 'live' | 'simulated';
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
    /** Sentences about models in use although gates failed. */
    readonly overrides: readonly string[];
    readonly withEdge: readonly string[];
    readonly subjects: number;
  };
  /** How the calendar fails, with `news_stop`; null where it does not; absent where the policy stops for no news. */
  readonly news?: ErrorReport | null;
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
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;

/** The checklist in the order in which its lines are worked off. Pure. */
export function goLiveChecks(facts: GoLiveFacts): GoLiveCheck[] {
  return GO_LIVE_IDS.map((id) => ({ id, ...CHECKS[id](facts) }));
}

/** Nothing is left to do; what only a person can see does not count. */
export function isReadyForPaper(checks: readonly GoLiveCheck[]): boolean {
  return checks.every(({ id, verdict }) => verdict !== 'todo' || id === 'consumer' || id === 'paper');
}

type Judged = Omit<GoLiveCheck, 'id'>;
const ok = (seen: string): Judged => ({ verdict: 'ok', seen, fix: '' });
const todo = (seen: string, fix: string): Judged => ({ verdict: 'todo', seen, fix });
const ask = (seen: string, fix: string): Judged => ({ verdict: 'ask', seen, fix });

const CHECKS: Readonly<Record<GoLiveId, (facts: GoLiveFacts) => Judged>> = {
  market: ({ market }) =>
    market === 'live'
      ? ok('live')
      : todo(
          'simulated: prices are made by a program',
          'Set `market: live` in minutehand.yaml, or MINUTEHAND_MARKET=live.',
        ),

  daemon({ daemons, market }) {
    const down = daemons.filter(({ presence }) => presence !== 'up').map(({ shard }) => shard);
    if (down.length > 0) return todo(`no answer from ${few(down)}`, 'Start all with `minutehand up`, or as services.');
    const other = daemons.filter(({ health }) => health !== null && health.market !== market);
    if (other.length > 0)
      return todo(
        `${few(other.map(({ shard }) => shard))} serves another market than the configuration names`,
        'Restart it.',
      );
    return ok(daemons.map(({ shard }) => `${shard} answers`).join(', '));
  },

  bars({ daemons, symbols, refusedFeeds, nowMs, isOpen, market }) {
    const newest = new Map(daemons.flatMap(({ health }) => Object.entries(health?.last_bars ?? {})));
    const never = symbols.filter(({ symbol }) => !newest.has(symbol)).map(({ symbol }) => symbol);
    const next = 'Start the feeder: the expert advisor, `minutehand collect`, or POST /bars. docs/guides/GO_LIVE.md';
    if (never.length > 0) return todo(`no bar of ${few(never)} since the daemon started`, next);
    if (market === 'live' && isOpen) {
      const old = symbols
        .map(({ symbol }) => symbol)
        .filter((symbol) => nowMs - Date.parse(newest.get(symbol)!) > FRESH_MS + MINUTE_MS);
      if (old.length > 0) return todo(`the last bars of ${few(old)} are older than five minutes`, next);
    }
    const refused = refusedFeeds.find(({ isCertain }) => isCertain) ?? refusedFeeds[0];
    if (refused !== undefined)
      return (refused.isCertain ? todo : ask)(
        `an import would refuse the bars that the daemon received: ${refused.text}`,
        'Mend the feeder. `minutehand bars check` shows the verdict of every symbol.',
      );
    const closed = isOpen ? '' : '; the market is closed now';
    return ok(`${symbols.length} of ${symbols.length} symbols${closed}`);
  },

  clock({ daemons, symbols }) {
    const late = daemons.flatMap(({ health }) => health?.late_bars ?? []);
    if (late.length > 0) return todo(late[0]!.message, late[0]!.next);
    const wrong = symbols.filter(({ isClockSuspect }) => isClockSuspect === true);
    if (wrong.length > 0) {
      const { symbol, weekOpens } = wrong[0]!;
      const hours = Object.keys(weekOpens).join(', ');
      return todo(
        `the weeks of ${symbol} begin at ${hours} in New York; expected is one hour from 17:00 to 20:00`,
        '`minutehand bars undo`, then import again with the right `--tz`; check the time zone of the feeder.',
      );
    }
    const judged = symbols.filter(({ isClockSuspect }) => isClockSuspect === false).length;
    if (judged < symbols.length)
      return ask(
        `${judged} of ${symbols.length} symbols have two openings of a week, from which the time zone is seen`,
        'Import a month or more of bars. A market without weekends never shows it: compare one bar with your broker’s chart in UTC.',
      );
    return ok(`the weeks of ${counted(judged, 'symbol')} begin at one hour of New York`);
  },

  sessions({ sharedMinutes }) {
    const apart = [...sharedMinutes].filter(([, share]) => share < NEEDED_SHARED);
    if (apart.length > 0) {
      const [pair, share] = apart[0]!;
      return todo(
        `the legs of ${pair} have only ${Math.round(100 * share)} % of their minutes in common`,
        'Feed both legs in the same sessions (a minute without a trade as `empty`), or leave the pair out of `pairs`.',
      );
    }
    if (sharedMinutes.size === 0) return ask('no pair has recent bars of both legs', 'See history.');
    return ok(`the legs of ${counted(sharedMinutes.size, 'pair')} trade at the same times`);
  },

  costs({ symbols }) {
    const missing = symbols.filter(({ hasCosts }) => !hasCosts).map(({ symbol }) => symbol);
    const next =
      'Put your broker’s costs into `symbols` of minutehand.yaml; `minutehand bars learn-spreads` measures the spread.';
    if (missing.length > 0) return todo(`no costs of ${few(missing)}`, next);
    const delivered = symbols.filter(({ hasDeliveredCosts }) => hasDeliveredCosts).map(({ symbol }) => symbol);
    if (delivered.length > 0) return todo(`the costs of ${few(delivered)} are as delivered, an estimate`, next);
    return ok(`set for ${counted(symbols.length, 'symbol')}`);
  },

  history({ symbols, minBars }) {
    const short = symbols.filter(({ bars }) => bars < minBars);
    if (short.length === 0) return ok(`${minBars} recent bars or more of each of ${symbols.length} symbols`);
    const texts = short.map(({ symbol, bars, earlier }) => `${symbol} ${bars}${earlier === '' ? '' : ` (${earlier})`}`);
    return todo(
      `fewer than the ${minBars} recent bars that training needs: ${few(texts)}`,
      '`minutehand bars import` adds history; it must lead up to now without a gap of more than five days.',
    );
  },

  models({ models: { versions, missing, refusal, refusedTraining: tried = null } }) {
    if (tried !== null && (refusal !== null || missing.includes('pairs')))
      return todo(refusalText(tried), afterRefusal(tried));
    if (refusal !== null) return todo(`${refusal.code}: ${refusal.message}`, refusal.next);
    if (missing.length > 0)
      return todo(
        `none is active for ${few(missing)}`,
        '`minutehand train --adopt`, `minutehand train --strategy direction`; see docs/guides/TRAIN.md.',
      );
    return ok(few(versions));
  },

  gates({ models: { versions, overrides } }) {
    if (overrides.length > 0)
      return todo(
        overrides[0]!,
        'Train better ones: `minutehand train --adopt`, `minutehand train --strategy direction`.',
      );
    return versions.length === 0 ? ask('no models to judge', 'See models.') : ok('the models in use passed every gate');
  },

  edge({ models: { versions, withEdge, subjects } }) {
    if (versions.length === 0) return ask('no models to judge', 'See models.');
    if (withEdge.length === 0)
      return todo(
        `0 of ${subjects} subjects earn more than they cost: every signal is HOLD NO_EDGE`,
        'Nothing to trade yet. Lower costs, other pairs or more history may change it; do not trade without.',
      );
    return ok(`${withEdge.length} of ${subjects}: ${few(withEdge)}`);
  },

  news({ news }) {
    if (news === undefined) return ok('news_stop is off: entries are made near events too');
    return news === null
      ? ok('the calendar reaches more than a day ahead')
      : todo(`${news.code}: ${news.message}`, news.next);
  },

  notifications({ channels, channelProblems, lastSentMs, nowMs }) {
    if (channelProblems.length > 0) return todo(channelProblems[0]!, 'Correct the variable, then restart the trainer.');
    if (channels.length === 0)
      return todo('no channel', 'Set one, such as MINUTEHAND_SLACK_URL: docs/reference/NOTIFICATIONS.md.');
    const names = channels.join(', ');
    if (lastSentMs === null || nowMs - lastSentMs > CHANNEL_DAYS * DAY_MS)
      return todo(`${names}: nothing was sent in ${CHANNEL_DAYS} days`, '`minutehand alerts test`');
    return ok(`${names}: took a message on ${utcDay(lastSentMs)}`);
  },

  backup: () =>
    ask(
      'minutehand cannot see copies outside this machine',
      'Back up home and configuration daily, and restore one once: docs/guides/OPERATE.md.',
    ),

  standby({ daemons }) {
    const without = daemons.filter(
      ({ hasStandby, health }) => !hasStandby && (health === null || health.lease === null),
    );
    if (daemons.length > 0 && without.length === 0) return ok('another daemon takes over');
    return ask(
      'none: without this machine or process there are no signals, and open positions are closed by the consumer alone',
      'Start a standby, if that is not enough: docs/guides/OPERATE.md.',
    );
  },

  consumer({ fills: { places }, nowMs }) {
    if (places.length === 0)
      return todo(
        'no program has reported a fill of this market',
        '`minutehand ea` trades on paper; the expert advisor too, by default: docs/guides/METATRADER.md.',
      );
    const texts = places.map(
      ({ place, account, lastMs }) => `${place} (${account}, last fill ${utcDay(Math.min(lastMs, nowMs))})`,
    );
    return ok(few(texts));
  },

  paper({ market, fills: { closedPaper, paperDays } }) {
    const seen = `${counted(closedPaper, 'closed position')} on ${counted(paperDays, 'day')} of the ${market} market`;
    if (market === 'live' && closedPaper >= PAPER_POSITIONS && paperDays >= PAPER_DAYS) return ok(seen);
    return todo(
      seen,
      `Trade on paper until ${PAPER_POSITIONS} positions on ${PAPER_DAYS} days are closed, and compare them with the backtest: \`minutehand report\`. Then a demo account.`,
    );
  },
};
