import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openFleet, type Fleet } from '../../jobs/fleet/open_fleet.ts';
import { ownInstallation } from './own_installation.ts';

/** A machine that was not heard of for three of them is no longer listed. */
const ANNOUNCE_MS = 60_000;
/** Timeout of one announcement. The client of a queue that cannot be reached buffers commands without an error. */
const ANSWER_MS = 15_000;

export interface AnnouncerOptions {
  /** As the configuration is at the time. */
  settings(): Settings;
  readonly paths: HomePaths;
  /** Environment with the address of the queue. */
  readonly env: NodeJS.ProcessEnv;
  readonly everyMs?: number;
  /** Receives a fault once, and a line when it is over. */
  note(line: string): void;
}

/**
 * Says to the fleet what this machine has, again and again, until `ending` is aborted: for a machine without a trainer,
 * which does so itself. A queue that is away is waited for.
 * @returns how often it was said
 */
export async function announceMachine(options: AnnouncerOptions, ending: AbortSignal): Promise<number> {
  const { everyMs = ANNOUNCE_MS, note } = options;
  let said = 0;
  let fault = '';
  while (!ending.aborted) {
    const seen = await announceOnce(options, ending);
    if (ending.aborted) break;
    if (seen === '') said++;
    if (seen !== fault) note(seen === '' ? 'The fleet hears of this machine again.' : seen);
    fault = seen;
    await sleep(everyMs, undefined, { signal: ending }).catch(() => undefined);
  }
  return said;
}

/** @returns what failed, in words; '' when nothing did */
async function announceOnce(options: AnnouncerOptions, ending: AbortSignal): Promise<string> {
  let fleet: Fleet | null = null;
  const giveUp = new AbortController();
  const tell = async (): Promise<string> => {
    const { paths, env } = options;
    const settings = options.settings();
    fleet = await openFleet(settings, paths, env);
    await fleet?.queue.announce(await ownInstallation(settings, paths));
    return '';
  };
  const late = sleep(ANSWER_MS, `QUEUE_UNREACHABLE: no answer in ${ANSWER_MS / 1000} s`, {
    signal: AbortSignal.any([giveUp.signal, ending]),
  });
  try {
    return await Promise.race([tell(), late]);
  } catch (error) {
    const { code, message, next } = describeError(error);
    return `${code}: ${message} ${next}`;
  } finally {
    giveUp.abort();
    late.catch(() => undefined);
    await (fleet as Fleet | null)?.close().catch(() => undefined);
  }
}
