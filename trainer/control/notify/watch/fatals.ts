import { hostname } from 'node:os';
import { readFatals } from '../../../../shared/fatal.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import type { Notice } from '../outbox.ts';

/** Older ones were notified of, or are no news; after `record_days` the store would take them for new. */
const NEWS_MS = 7 * 86_400_000;

/** Errors that ended daemons of a shard lately, as notices whose keys never come again. */
export function fatalsOf(paths: HomePaths, shard: string, nowMs: number): Notice[] {
  const place = `${shard}@${hostname()}`;
  const lately = readFatals(paths, shard).filter(({ at_ms }) => at_ms > nowMs - NEWS_MS);
  return lately.map(({ at_ms, pid, code, message, next }) => ({
    key: `daemon_fatal:${place}:${at_ms}:${pid}`,
    event: 'daemon_fatal',
    subject: `daemon ${place}`,
    text: `${code}: ${message}`,
    command: next,
    sinceMs: at_ms,
    isOnce: true,
    details: { code, pid },
  }));
}
