import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** By the independent `chrt` of util-linux. */
export const MAY_BE_REAL_TIME = availableParallelism() > 1 && spawnSync('chrt', ['--fifo', '1', 'true']).status === 0;
export const REAL_TIME_NOTE = MAY_BE_REAL_TIME ? '' : ' (no right to real-time priority)';

/** Policy and priority of the calling thread, fields 41 and 40 of proc_pid_stat(5). */
export function scheduling(): { readonly policy: 'other' | 'fifo'; readonly priority: number } {
  const text = readFileSync('/proc/thread-self/stat', 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { policy: fields[38] === '1' ? 'fifo' : 'other', priority: Number(fields[37]) };
}
