import { hostname } from 'node:os';
import { readFatals } from '../../../../shared/fatal.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import type { Notice } from '../outbox.ts';

/** Errors that ended daemons of a shard, as notices whose keys never come again. */
export function fatalsOf(paths: HomePaths, shard: string): Notice[] {
  const place = `${shard}@${hostname()}`;
  return readFatals(paths, shard).map(({ at_ms, pid, code, message, next }) => ({
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
