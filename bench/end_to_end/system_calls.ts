import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTemporaryFolder } from '../temporary_folder.ts';

const ATTACH_TIMEOUT_MS = 5000;
const POLL_MS = 20;

/** Calls by name, of all threads of a process. */
export type SystemCalls = Readonly<Record<string, number>>;

/**
 * Counts the system calls of a process while `work` runs, by `strace`, which makes each of them several times slower:
 * the counts are exact, and times that are measured meanwhile are not valid.
 * @returns null where strace is not installed or may not watch the process; `work` has not run then
 */
export async function countSystemCalls(pid: number, work: () => Promise<void>): Promise<SystemCalls | null> {
  const folder = openTemporaryFolder('strace');
  try {
    const report = join(folder.path, 'calls');
    const strace = spawn('strace', ['-f', '-c', '-U', 'calls,name', '-o', report, '-p', String(pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise<void>((resolve) => strace.once('close', resolve).once('error', () => resolve()));
    let told = '';
    strace.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
    if (!(await isAttached(strace.pid, () => told))) {
      strace.kill('SIGKILL');
      return null;
    }
    await work();
    strace.kill('SIGINT');
    await ended;
    return parseCounts(readFileSync(report, 'utf8'));
  } finally {
    folder.remove();
  }
}

/** Whether strace has attached to the process: it then writes "attached" to its standard error. */
async function isAttached(pid: number | undefined, told: () => string): Promise<boolean> {
  if (pid === undefined) return false;
  for (const deadline = performance.now() + ATTACH_TIMEOUT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    if (told().includes('attached')) return true;
    if (/not permitted|No such process|invalid option/.test(told())) return false;
  }
  return false;
}

/** Lines of `strace -c -U calls,name`: a number and a name; rules and the sum are left out. */
export function parseCounts(report: string): SystemCalls {
  const calls: Record<string, number> = {};
  for (const line of report.split('\n')) {
    const [count, name] = line.trim().split(/\s+/);
    if (name !== undefined && name !== 'total' && /^[a-z]\w*$/.test(name) && /^\d+$/.test(count!))
      calls[name] = Number(count);
  }
  return calls;
}
