import type { Queue } from '../queue/queue.ts';

/**
 * Creates a check of progress: something was answered since its last call, or nothing waits. False when a queue hangs.
 * Bars, silence heartbeats, swaps and everything else in the queue count, so a weekend is not a stall.
 */
export function watchProgress(queue: Pick<Queue, 'isIdle' | 'done'>): () => boolean {
  let before = queue.done;
  return () => {
    const { isIdle, done } = queue;
    const isMoving = isIdle || done !== before;
    before = done;
    return isMoving;
  };
}
