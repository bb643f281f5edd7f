import { utcDay } from '../../../shared/utc_day.ts';
import { counted } from '../../../shared/counted.ts';
import { dirname, join } from 'node:path';
import { describeError } from '../../../shared/errors.ts';
import { makeFolder } from '../../../shared/folder.ts';
import { existsSync, writeFileSync } from 'node:fs';
import type { Clock } from '../../../shared/ports.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import type { Notifier } from '../notify/notifier.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import { lastTimeOf, scheduleByCron, type Schedule } from '../cron/schedule.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { makeReport } from './make_report.ts';
import { rateText, reportPage } from './report_page.ts';
import type { Report } from '../schema/reports.ts';

const WEEK_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;
/** A weekly schedule is due at least once in this time. */
const MAX_MISS_MS = 8 * DAY_MS;

export type WeeklyReportOptions = Pick<TrainerOptions, 'settings' | 'paths' | 'log'> & {
  readonly notifier: Notifier;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
};

/** Sends a report on the last seven UTC days by `report_cron`; a missed last report is sent at once. */
export function startWeeklyReport(options: WeeklyReportOptions): Pick<Schedule, 'stop'> {
  const { report_cron } = options.settings.retrain;
  if (report_cron === null) return { stop: () => undefined };
  void makeUpMissed(options, report_cron);
  return scheduleByCron(report_cron, ({ dueMs }) => sendWeeklyReport(options, dueMs), {
    onMissed: (text) => options.log.info(`the weekly report is made up: ${text}`),
  });
}

/**
 * Sends the report that was due while no trainer ran, unless its week has no signals or its page exists. Never rejects.
 * @returns the path of the page, null if none was missed
 */
export async function makeUpMissed(options: WeeklyReportOptions, cron: string): Promise<string | null> {
  const { settings, paths, log, env = process.env, clock = MACHINE_CLOCK } = options;
  try {
    const nowMs = clock.nowMs();
    const dueMs = lastTimeOf(cron, nowMs, nowMs - MAX_MISS_MS);
    if (dueMs === null) return null;
    const toMs = Math.floor(dueMs / DAY_MS) * DAY_MS;
    const { market } = settings.minutehand;
    if (existsSync(pageOf(paths.home, market, toMs))) return null;
    const store = await openStore(storeUrl(env, paths), clock);
    try {
      const tables = await openSignalTables(store, settings.signals);
      const [first] = await tables.newest({ market, fromMs: toMs - WEEK_MS, toMs }, 1);
      if (first === undefined) return null;
    } finally {
      await store.close();
    }
    return await sendWeeklyReport(options, dueMs);
  } catch (error) {
    log.error({ err: error, code: describeError(error).code }, 'a missed weekly report could not be looked for');
    return null;
  }
}

function pageOf(home: string, market: string, toMs: number): string {
  const [from, to] = [toMs - WEEK_MS, toMs].map(utcDay);
  return join(home, 'reports', `report_${market}_${from}_${to}.html`);
}

/**
 * Writes the report of the seven UTC days before the day of `dueMs` to `<home>/reports` and sends its summary. Never
 * rejects.
 * @returns the path of the page, null when the report could not be made
 */
export async function sendWeeklyReport(options: WeeklyReportOptions, dueMs?: number): Promise<string | null> {
  const { settings, paths, log, notifier, env = process.env, clock = MACHINE_CLOCK } = options;
  const toMs = Math.floor((dueMs ?? clock.nowMs()) / DAY_MS) * DAY_MS;
  const from = new Date(toMs - WEEK_MS).toISOString();
  const to = new Date(toMs).toISOString();
  const key = `report:${from.slice(0, 10)}`;
  try {
    const store = await openStore(storeUrl(env, paths), clock);
    try {
      const report = await makeReport(store, settings, paths, from, to, clock);
      const file = pageOf(paths.home, report.market, toMs);
      makeFolder(dirname(file), 0o700);
      writeFileSync(file, reportPage(report), { mode: 0o600 });
      const { refusal, positions, targets, parity } = report;
      const details = { from, to, file, refusal_rate: refusal.rate, positions, targets, parity };
      const text = summaryOf(report, file);
      await notifier.raise({
        key,
        event: 'report',
        subject: `${from.slice(0, 10)} to ${to.slice(0, 10)}`,
        text,
        details,
        isOnce: true,
      });
      return file;
    } finally {
      await store.close();
    }
  } catch (error) {
    log.error({ err: error, code: describeError(error).code }, 'the weekly report could not be made');
    return null;
  }
}

/** A short summary of the report. @param file where its page is; null: it has none */
export function summaryOf({ positions, refusal, targets, parity, evaluations }: Report, file: string | null): string {
  const missed = targets.filter(({ met }) => met === false).map(({ name, subject }) => `${name} ${subject}`.trim());
  const results = positions.map(
    ({ account_id, currency, closed, wins, pnl }) =>
      `${account_id}: ${counted(closed, 'position')}, ${wins} won, ${pnl.toFixed(2)} ${currency}.`,
  );
  const adopted = evaluations.filter(({ status }) => status === 'active' || status === 'archived').length;
  const mismatches = parity.filter(({ verdict }) => verdict === 'MISMATCH').length;
  return [
    ...(results.length === 0 ? ['No closed positions.'] : results),
    `Refusal rate: ${rateText(refusal)}`,
    `Bundles: ${evaluations.length} trained, ${adopted} adopted.`,
    `Parity: ${counted(parity.length, 'day')}, ${counted(mismatches, 'mismatch', 'mismatches')}.`,
    missed.length === 0 ? 'No target missed.' : `Targets missed: ${missed.join(', ')}.`,
    ...(file === null ? [] : [file]),
  ].join('\n');
}
