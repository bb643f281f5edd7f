import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves at multiples of `intervalMs` from creation; immediately when late, without catching up. */
export function createPace(intervalMs: number): () => Promise<void> {
  let dueMs = performance.now();
  return async () => {
    dueMs = Math.max(dueMs + intervalMs, performance.now());
    await sleep(Math.max(0, dueMs - performance.now()));
  };
}
