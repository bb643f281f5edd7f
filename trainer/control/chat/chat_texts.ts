import { readActive } from '../../../shared/bundle/bundle.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { readHalts, stopText } from '../../../shared/bundle/halts.ts';
import { describeError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { shardsOf, type Settings } from '../../../shared/policy/policy.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { lookAtDaemon, type DaemonLook } from '../notify/watch/daemon_look.ts';
import { timeText } from '../notify/message.ts';
import { performanceLines } from '../performance/performance_lines.ts';
import { readPerformance } from '../performance/read_performance.ts';

export interface ChatTextsOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly nowMs: number;
  /** The trainer in one line. */
  readonly trainer: string;
  readonly openAlerts: readonly string[];
}

const SHOWN_ALERTS = 10;

/** Answer to `/status`: market, daemons, models, trainer, stops, open alerts. */
export async function statusText({ settings, paths, nowMs, trainer, openAlerts }: ChatTextsOptions): Promise<string> {
  const looks = await Promise.all(shardsOf(settings.minutehand).map((shard) => lookAtDaemon(settings, paths, shard)));
  const alerts = openAlerts.slice(0, SHOWN_ALERTS).join(', ');
  const more = openAlerts.length - SHOWN_ALERTS;
  return [
    `Market ${settings.minutehand.market}, ${timeText(nowMs)}`,
    ...looks.map(daemonLine),
    `Active models: ${activeText(paths)}`,
    `Trainer: ${trainer}`,
    ...stopLines(paths),
    openAlerts.length === 0 ? 'No open alerts.' : `Open alerts: ${alerts}${more > 0 ? ` and ${more} more` : ''}`,
  ].join('\n');
}

/** Answer to `/positions`: the lines of `minutehand report` for each account. @throws MinutehandError EA_STATE */
export async function positionsText({ settings, paths, nowMs }: Omit<ChatTextsOptions, 'trainer' | 'openAlerts'>) {
  const store = await openStore(storeUrl(process.env, paths));
  try {
    const performance = await readPerformance({ settings, paths, store, nowMs, from: null, to: null });
    return performanceLines({
      ...performance,
      accounts: performance.accounts.map((own) => ({ ...own, by_subject: [], by_hour: [], by_reason: [] })),
    }).join('\n');
  } finally {
    await store.close();
  }
}

function daemonLine({ shard, presence, health }: DaemonLook): string {
  if (health === null) return `Daemon ${shard}: ${presence}`;
  const { silent_pairs, degradations, halts, last_bars } = health;
  const newest = Object.values(last_bars).sort().at(-1);
  const faults = [
    ...degradations,
    ...halts.map(({ pair_id, reason }) => `${pair_id} halted (${reason})`),
    ...(silent_pairs.length === 0 ? [] : [`no bars of ${silent_pairs.join(', ')}`]),
  ];
  return `Daemon ${shard}: ${presence}, last bar ${newest ?? 'none'}${faults.length === 0 ? '' : `; ${faults.join('; ')}`}`;
}

function activeText(paths: HomePaths): string {
  try {
    return readActive(paths.models, MACHINE_FILES, trainerMarks(paths))?.version ?? 'none';
  } catch (error) {
    const { code, message } = describeError(error);
    return `${code}: ${message}`;
  }
}

function stopLines({ models }: HomePaths): string[] {
  try {
    return (readHalts(models).stops ?? []).map((stop) => `Stopped: ${stopText(stop)}`);
  } catch (error) {
    return [describeError(error).message];
  }
}
