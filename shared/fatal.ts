import { dirname, join } from 'node:path';
import * as z from 'zod';
import { readAddress } from './address.ts';
import { describeError, MinutehandError } from './errors.ts';
import { jsonOrNull } from './json_or_null.ts';
import { appendBounded, newestLines, type LineBounds } from './line_file.ts';
import { makePrivateFolder } from './private_files.ts';
import type { HomePaths } from './home.ts';

const fatalSchema = z.object({
  at_ms: z.number(),
  pid: z.number(),
  code: z.string(),
  message: z.string(),
  next: z.string(),
});

/** Why a daemon ended or did not start. */
export type Fatal = z.infer<typeof fatalSchema>;

const MAX_LINES = 20;
/** Characters of a message: twenty lines fit into what is kept. */
const MAX_TEXT = 1000;
/** A daemon that cannot start is started again every 30 seconds, for as long as that lasts. */
export const FATAL_BOUNDS: LineBounds = { maxBytes: 64 << 10, keptBytes: 32 << 10 };

/** Lines of JSON beside the journal, which may be what cannot be written. */
function fatalPath({ home }: HomePaths, shard: string): string {
  return join(home, `daemon_${shard}.fatal.jsonl`);
}

/** Notes the error that ends a daemon, for the trainer to notify of. Never throws. */
export function noteFatal(paths: HomePaths, shard: string, error: unknown, nowMs: number): void {
  const { code, message, next } = describeError(error);
  const path = fatalPath(paths, shard);
  try {
    makePrivateFolder(dirname(path));
    const fatal: Fatal = { at_ms: nowMs, pid: process.pid, code, message: message.slice(0, MAX_TEXT), next };
    appendBounded(path, JSON.stringify(fatal), FATAL_BOUNDS);
  } catch {
    // The log and the exit code report it too.
  }
}

/**
 * Notes that the daemon before this one ended without being stopped, by the address that it left: it was killed, out of
 * memory, or without power. One that noted its own error is not noted again. Call it with the place of the daemon held,
 * before the own address is announced.
 */
export function noteKilled(paths: HomePaths, shard: string, nowMs: number): void {
  const left = readAddress(paths.address(`daemon_${shard}`));
  if (left === null) return;
  const begunMs = Date.parse(left.started);
  const hasTold = readFatals(paths, shard).some(({ pid, at_ms }) => pid === left.pid && at_ms >= begunMs);
  if (hasTold) return;
  const seen = `process ${left.pid}, which ran since ${left.started}; another one runs now`;
  noteFatal(paths, shard, new MinutehandError('DAEMON_KILLED', { seen }), nowMs);
}

/** The newest ones; none when there is no such file. */
export function readFatals(paths: HomePaths, shard: string): readonly Fatal[] {
  try {
    const lines = newestLines(fatalPath(paths, shard), FATAL_BOUNDS.maxBytes);
    return lines.slice(-MAX_LINES).flatMap((line) => {
      const parsed = fatalSchema.safeParse(jsonOrNull(line));
      return parsed.success ? [parsed.data] : [];
    });
  } catch {
    return [];
  }
}
