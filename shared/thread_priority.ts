import { constants, getPriority, setPriority } from 'node:os';

const THIS_THREAD = 0;

/**
 * Yields to threads of normal priority, where the machine permits it. Only on Linux is a priority that of a thread;
 * elsewhere it is that of the whole process, and stays.
 */
export function lowerThread(thread = THIS_THREAD): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(thread, Math.max(getPriority(thread), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // A courtesy that the machine may refuse.
  }
}
