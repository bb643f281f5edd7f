import { counted } from '../../../shared/counted.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { describeError } from '../../../shared/errors.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { utcDay } from '../../../shared/utc_day.ts';
import { openStore, type Store, storeUrl } from '../../store/store.ts';
import { lastTimeOf, type Schedule, scheduleByCron } from '../cron/schedule.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import type { AccountPerformance } from '../performance/performance_schema.ts';
import type { Report } from '../schema/reports.ts';
import { makeReport } from './make_report.ts';
import type { WeeklyReportOptions } from './weekly_report.ts';
import type { InstrumentReason } from '../../../shared/signal/instrument_signal.ts';
import { type Reason, REASONS } from '../../../shared/strategies/pair_reversion/reasons.ts';

/** Why a bar of an instrument has no entry: what is its own, or said of pairs alone in `REASONS`. */
const OF_INSTRUMENTS: Partial<Record<InstrumentReason, string>> = {
  NO_EDGE: 'the model has shown no edge after costs for this instrument.',
  THETA: 'no direction has a probability above its threshold.',
  NO_ENTRY: 'no entry condition of the rule holds.',
  BOTH_SIDES: 'the entry conditions of the rule for both sides hold at once.',
  NO_MODEL: 'no verified model of this timeframe is loaded.',
  WARMUP: 'the instrument has not seen enough bars yet.',
  LEG_MISSING: 'its bar did not come in time.',
  LEG_EMPTY: 'it did not trade in this bar.',
  BAR_SUSPECT: 'its bar does not fit its recent bars; the next one confirms or refutes it.',
  SILENCE: 'no bar of the instrument came for a while; a heartbeat that repeats the values of its last bar.',
  SHUTDOWN: 'the daemon ends and no other waits to take over.',
};

/** The reason of a pair's signal in words, without its action; empty for one that is not known. */
function wordsOfPair(reason: string): string {
  return (REASONS[reason as Reason] as string | undefined)?.replace(/^\w+: /, '') ?? '';
}

/** The same of an instrument's signal. */
function wordsOfInstrument(reason: string): string {
  return OF_INSTRUMENTS[reason as InstrumentReason] ?? wordsOfPair(reason);
}

const DAY_MS = 86_400_000;
/** A daily schedule is due at least once in this time. */
const MAX_MISS_MS = 2 * DAY_MS;
const SHOWN_REASONS = 4;

export type DailySummaryOptions = WeeklyReportOptions;

/** What the summary of a day is made of. */
export interface DayFigures {
  /** UTC, `2026-11-26`. */
  readonly day: string;
  readonly report: Pick<Report, 'signals' | 'refusal' | 'performance' | 'runs' | 'parity'>;
  /** Distance from the mean below which no pair is a candidate. */
  readonly zEntry: number;
  /** Alerts that are open now. */
  readonly openAlerts: number;
}

/** Sends a summary of the UTC day before by `daily_summary_cron`; one that was missed is sent at once. */
export function startDailySummary(options: DailySummaryOptions): Pick<Schedule, 'stop'> {
  const { daily_summary_cron } = options.settings.retrain;
  if (daily_summary_cron === null) return { stop: () => undefined };
  void makeUpMissedSummary(options, daily_summary_cron);
  return scheduleByCron(daily_summary_cron, (due) => sendDailySummary(options, due), {
    onMissed: (text) => options.log.info(`the daily summary is made up: ${text}`),
  });
}

/** Sends the summary that was due while no trainer ran, unless there was no signal before its end. Never rejects. */
export async function makeUpMissedSummary(options: DailySummaryOptions, cron: string): Promise<boolean> {
  const { clock = MACHINE_CLOCK } = options;
  const nowMs = clock.nowMs();
  const dueMs = lastTimeOf(cron, nowMs, nowMs - MAX_MISS_MS);
  return dueMs === null ? false : sendDailySummary(options, { dueMs, isMissed: true });
}

/**
 * Sends the summary of the UTC day before that of `dueMs`. A day has one: a second one of its key is not sent. Never
 * rejects.
 * @returns whether it was handed to the notifier
 */
export async function sendDailySummary(
  options: DailySummaryOptions,
  { dueMs, isMissed = false }: { readonly dueMs?: number; readonly isMissed?: boolean } = {},
): Promise<boolean> {
  const { settings, paths, log, notifier, env = process.env, clock = MACHINE_CLOCK } = options;
  const toMs = Math.floor((dueMs ?? clock.nowMs()) / DAY_MS) * DAY_MS;
  const day = utcDay(toMs - DAY_MS);
  try {
    const store = await openStore(storeUrl(env, paths), clock);
    try {
      const { market } = settings.minutehand;
      if (isMissed) {
        const tables = await openSignalTables(store, settings.signals);
        if ((await tables.newest({ market, toMs }, 1)).length === 0) return false;
      }
      const from = new Date(toMs - DAY_MS).toISOString();
      const to = new Date(toMs).toISOString();
      const report = await makeReport(store, settings, paths, from, to, clock);
      const figures: DayFigures = {
        day,
        report,
        zEntry: settings.minutehand.decision.z_entry,
        openAlerts: await openAlertsOf(store, market),
      };
      await notifier.raise({
        key: `daily_summary:${day}`,
        event: 'daily_summary',
        subject: day,
        text: daySummary(figures),
        details: { day, refusal: report.refusal, positions: report.positions, open_alerts: figures.openAlerts },
        isOnce: true,
      });
      return true;
    } finally {
      await store.close();
    }
  } catch (error) {
    log.error({ err: error, code: describeError(error).code }, 'the daily summary could not be made');
    return false;
  }
}

async function openAlertsOf({ db }: Store, market: Market): Promise<number> {
  const { count } = await db
    .selectFrom('core.alerts')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('market', '=', market)
    .where('resolved_ms', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

function dayTitle(day: string, { is_simulated, market }: DayFigures['report']['performance']): string {
  if (is_simulated) return `${day} (UTC), on a SIMULATED market`;
  return market === 'replay' ? `${day} (UTC), on a REPLAY of history` : `${day} (UTC)`;
}

/**
 * A day in a few lines: what each account earned, what was signaled, and why nothing was where nothing was. Paper, demo
 * and real accounts are never added up. Pure.
 */
export function daySummary({ day, report, zEntry, openAlerts }: DayFigures): string {
  const { signals, performance, runs, parity } = report;
  const failed = runs.filter(({ status }) => status === 'failed').reduce((sum, { count }) => sum + count, 0);
  const mismatches = parity.filter(({ verdict }) => verdict === 'MISMATCH').length;
  const active = performance.accounts.filter(
    ({ opened, closed, open, refused }) => opened + closed + open.length + refused > 0,
  );
  return [
    dayTitle(day, performance),
    ...active.map(accountLine),
    ...entryLines(report, zEntry),
    ...(entriesOf(signals) > 0 && active.length === 0
      ? ['No account reported a fill of these entries: does a consumer follow the signals?']
      : []),
    ...(failed > 0 ? [`Trainings failed: ${failed}`] : []),
    ...(mismatches > 0 ? [`Parity: ${counted(mismatches, 'mismatch', 'mismatches')}`] : []),
    openAlerts === 0 ? 'No open alert' : `Open alerts: ${openAlerts}`,
  ].join('\n');
}

/** `paper/terminal_paper: 12.30 USD net of costs, 2 positions opened, 3 closed (2 won), 1 open now (-0.20 USD)` */
function accountLine(own: AccountPerformance): string {
  const { id, currency, realised, opened, closed, wins, open, floating, refused } = own;
  const won = closed === 0 ? '' : ` (${wins} won)`;
  const worth = floating === null ? '' : ` (${money(floating, currency)})`;
  const parts = [
    `${id}: ${money(realised, currency)} net of costs`,
    `${counted(opened, 'position')} opened`,
    `${closed} closed${won}`,
    ...(open.length === 0 ? [] : [`${open.length} open now${worth}`]),
    ...(refused === 0 ? [] : [`${counted(refused, 'entry', 'entries')} not made by its own limits`]),
  ];
  return parts.join(', ');
}

const money = (value: number, currency: string): string => `${value.toFixed(2)} ${currency}`.trim();

function entryLines({ signals, refusal }: DayFigures['report'], zEntry: number): string[] {
  if (signals.length === 0) return ['No signal was published: the daemon did not run, or no bar came.'];
  const ofPairs = signals.filter(({ subjects }) => subjects === 'pairs');
  const ofInstruments = signals.filter(({ subjects }) => subjects === 'instruments');
  return [
    ...(ofPairs.length === 0 ? [] : pairLines(ofPairs, refusal, zEntry)),
    ...(ofInstruments.length === 0 ? [] : instrumentLines(ofInstruments)),
  ];
}

type SignalCounts = Report['signals'];

function pairLines(
  signals: SignalCounts,
  { candidates, refused, reasons }: Report['refusal'],
  zEntry: number,
): string[] {
  const head = headOf('Pairs', signals);
  if (refused > 0)
    return [
      `${head}; ${refused} of ${counted(candidates, 'candidate')} refused:`,
      ...reasonLines(reasons, refused, wordsOfPair),
    ];
  if (entriesOf(signals) > 0) return [head];
  const { holds, total } = holdsOf(signals);
  return [
    `${head}: no pair was ${zEntry} standard deviations from its mean.`,
    ...reasonLines(holds, total, wordsOfPair),
  ];
}

/** A model or rule of an instrument answers each bar, so that each bar without an entry has a reason. */
function instrumentLines(signals: SignalCounts): string[] {
  const head = headOf('Instruments', signals);
  const { holds, total } = holdsOf(signals.filter(({ reason }) => reason !== 'IN_POSITION'));
  if (total === 0) return [head];
  return [`${head}; bars without one:`, ...reasonLines(holds, total, wordsOfInstrument)];
}

/** `Pairs: 100 signals, 2 entries` */
function headOf(name: string, signals: SignalCounts): string {
  const published = counted(sumOf(signals), 'signal');
  return `${name}: ${published}, ${counted(entriesOf(signals), 'entry', 'entries')}`;
}

const sumOf = (rows: readonly { readonly count: number }[]): number => rows.reduce((sum, { count }) => sum + count, 0);
const entriesOf = (signals: SignalCounts): number => sumOf(signals.filter(({ action }) => action === 'ENTER'));

function holdsOf(signals: SignalCounts): { readonly holds: SignalCounts; readonly total: number } {
  const holds = signals.filter(({ action }) => action === 'HOLD');
  return { holds, total: sumOf(holds) };
}

/** The most frequent reasons in words. */
function reasonLines(
  rows: readonly { readonly reason: string; readonly count: number }[],
  total: number,
  wordsOf: (reason: string) => string,
): string[] {
  const sorted = [...rows].sort((one, other) => other.count - one.count);
  const shown = sorted.slice(0, SHOWN_REASONS).map(({ reason, count }) => {
    const share = Math.round((100 * count) / total);
    return `- ${reason} ${share} % (${count}): ${wordsOf(reason)}`;
  });
  const rest = sumOf(sorted.slice(SHOWN_REASONS));
  return rest === 0 ? shown : [...shown, `- other reasons: ${rest}`];
}
