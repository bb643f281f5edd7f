import { join } from 'node:path';
import { describeError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { writeFileSync } from 'node:fs';
import type { Clock } from '../../shared/ports.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import type { Notifier } from '../notify/notifier.ts';
import { scheduleByCron, type Schedule } from '../schedule/schedule.ts';
import { openStore, storeUrl } from '../store/store.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { makeReport } from './make_report.ts';
import { rateText, reportPage } from './report_page.ts';
import type { Report } from '../api/schema/reports.ts';

const WEEK_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;

export type WeeklyReportOptions = Pick<TrainerOptions, 'settings' | 'paths' | 'log'> & {
  readonly notifier: Notifier;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
};

/** Reports on the last seven UTC days by `report_cron`. */
export function startWeeklyReport(options: WeeklyReportOptions): Pick<Schedule, 'stop'> {
  const { report_cron } = options.settings.retrain;
  if (report_cron === null) return { stop: () => undefined };
  return scheduleByCron(report_cron, () => sendWeeklyReport(options));
}

/**
 * Writes the report of the seven UTC days before today to `<home>/reports` and sends its summary. Never rejects.
 * @returns the path of the page, null when the report could not be made
 */
export async function sendWeeklyReport(options: WeeklyReportOptions): Promise<string | null> {
  const { settings, paths, log, notifier, env = process.env, clock = MACHINE_CLOCK } = options;
  const toMs = Math.floor(clock.nowMs() / DAY_MS) * DAY_MS;
  const [from, to] = [new Date(toMs - WEEK_MS).toISOString(), new Date(toMs).toISOString()];
  const key = `report:${from.slice(0, 10)}`;
  try {
    const store = await openStore(storeUrl(env, paths), clock);
    try {
      const report = await makeReport(store, settings, from, to);
      const folder = join(paths.home, 'reports');
      makeFolder(folder, 0o700);
      const file = join(folder, `report_${report.market}_${from.slice(0, 10)}_${to.slice(0, 10)}.html`);
      writeFileSync(file, reportPage(report), { mode: 0o600 });
      const { refusal, positions, targets, parity } = report;
      const details = { from, to, file, refusal_rate: refusal.rate, positions, targets, parity };
      const text = summaryOf(report, file);
      await notifier.raise({ key, event: 'report', subject: `${from.slice(0, 10)} to ${to.slice(0, 10)}`, text, details, isOnce: true }); // prettier-ignore
      return file;
    } finally {
      await store.close();
    }
  } catch (error) {
    log.error({ err: error, code: describeError(error).code }, 'the weekly report could not be made');
    return null;
  }
}

/** The report in a few lines. */
export function summaryOf({ positions, refusal, targets, parity, evaluations }: Report, file: string): string {
  const missed = targets.filter(({ met }) => met === false).map(({ name, subject }) => `${name} ${subject}`.trim());
  const results = positions.map(
    ({ account, currency, closed, wins, pnl }) =>
      `${account}: ${closed} positions, ${wins} won, ${pnl.toFixed(2)} ${currency}`,
  );
  const adopted = evaluations.filter(({ status }) => status === 'active' || status === 'archived').length;
  return [
    ...(results.length === 0 ? ['No closed positions'] : results),
    `Refusal rate: ${rateText(refusal)}`,
    `Bundles: ${evaluations.length} trained, ${adopted} adopted`,
    `Parity: ${parity.length} days, ${parity.filter(({ verdict }) => verdict === 'MISMATCH').length} mismatches`,
    missed.length === 0 ? 'No target missed' : `Targets missed: ${missed.join(', ')}`,
    file,
  ].join('\n');
}
