import { readdirSync, readFileSync } from 'node:fs';

/** Last detail of the stage of a job that gets no processor. The dashboard translates it. */
export const WAITING = 'waiting for processor time';

/** Of a process at idle priority that other programs leave no processor. */
const LOOK_MS = 5000;
/** Share of a look in which a thread was ready to run and did not; below it, the job gets on. */
const WAITED_SHARE = 0.6;

interface Spent {
  readonly ran_ns: number;
  readonly waited_ns: number;
}

/**
 * Calls back when a process of this machine begins or ceases to wait for a processor: it was ready to run for most of
 * the time, and ran for less. Linux only; elsewhere it never does.
 * @returns ends the watch
 */
export function watchProcessorWait(
  pid: number,
  onChange: (isWaiting: boolean) => void,
  { lookMs = LOOK_MS, spentOf = spentByProcess }: { lookMs?: number; spentOf?: (pid: number) => Spent | null } = {},
): () => void {
  let before = spentOf(pid);
  let isWaiting = false;
  const timer = setInterval(() => {
    const now = spentOf(pid);
    if (before !== null && now !== null) {
      const ran = now.ran_ns - before.ran_ns;
      const waited = now.waited_ns - before.waited_ns;
      const starves = waited > WAITED_SHARE * lookMs * 1e6 && ran < (1 - WAITED_SHARE) * lookMs * 1e6;
      if (starves !== isWaiting) onChange((isWaiting = starves));
    }
    before = now;
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Of all threads, from /proc; null where it cannot be read. */
function spentByProcess(pid: number): Spent | null {
  try {
    let ran_ns = 0;
    let waited_ns = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ran, waited] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
      ran_ns += ran ?? 0;
      waited_ns += waited ?? 0;
    }
    return { ran_ns, waited_ns };
  } catch {
    return null;
  }
}
