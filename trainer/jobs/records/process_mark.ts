import { readFileSync } from 'node:fs';

/** A process of this machine. */
export interface ProcessMark {
  readonly pid: number;
  /** Its start in ticks since boot (Linux); null where the system does not tell. */
  readonly start: string | null;
}

/** The mark of a running process, so that a later one with its number is not taken for it. */
export function markOf(pid: number): ProcessMark {
  return { pid, start: startOf(pid) };
}

/** Whether this process still runs. Without a known start, any process with its number is taken for it. */
export function isAlive({ pid, start }: ProcessMark): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Of another user: it is there.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startOf(pid);
  return start === null || now === null || now === start;
}

function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name in parentheses, which may have spaces. A zombie has ended.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? 'ended' : (fields[18] ?? null);
  } catch {
    return null;
  }
}

/** Grace period of a canceled job: if it has not exited by then, its process is killed. */
export const CANCEL_GRACE_MS = 10_000;

/**
 * Kills a process that still runs, if it is certain that it is that process: a number without a start may be another's.
 * @returns whether it was running
 */
export function killMarked(mark: ProcessMark | null): boolean {
  if (mark === null || mark.start === null || !isAlive(mark)) return false;
  try {
    process.kill(mark.pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile, or belongs to another user.
  }
  return true;
}
