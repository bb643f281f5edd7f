import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const END_MS = 5000;
const LOOK_MS = 50;

/**
 * Ends a training process whose trainer has ended: otherwise it would train beside the next one and adopt its models.
 * Only where the system reports the command of a process (Linux): the process id may belong to another program now.
 * @param words which its command line must contain
 * @returns whether there was one
 */
export async function endOrphan(pid: number, words: readonly string[]): Promise<boolean> {
  if (!isRunning(pid, words)) return false;
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < END_MS && isRunning(pid, words); waited += LOOK_MS) await sleep(LOOK_MS);
  if (isRunning(pid, words)) process.kill(pid, 'SIGKILL');
  return true;
}

function isRunning(pid: number, words: readonly string[]): boolean {
  try {
    const given = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.every((word) => given.includes(word));
  } catch {
    return false;
  }
}
