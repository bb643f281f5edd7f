const SLICE_MS = 1000;
/** Part of a limit that a process stopped for long can lose at most. */
const SLICES = 10;

/**
 * Calls `work` after so much time in which this process ran: not at the wake of a process that was stopped or
 * suspended, before what ended meanwhile has been noticed.
 * @returns a function that cancels it
 */
export function afterRunning(limitMs: number, work: () => void): () => void {
  const sliceMs = Math.min(SLICE_MS, limitMs / SLICES);
  let leftMs = limitMs;
  let seenMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    leftMs -= Math.min(nowMs - seenMs, 2 * sliceMs);
    seenMs = nowMs;
    if (leftMs > 0) return;
    clearInterval(timer);
    work();
  }, sliceMs).unref();
  return () => clearInterval(timer);
}
