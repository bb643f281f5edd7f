import { constants, getPriority, setPriority } from 'node:os';

/*
 * The threads that answer bars and people come before the one that imports this. Only on Linux is a priority that of a
 * thread; elsewhere it is that of the whole process.
 */
if (process.platform === 'linux') {
  try {
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // A courtesy that the machine may refuse.
  }
}
