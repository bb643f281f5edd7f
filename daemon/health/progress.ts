import type { Queue } from '../queue.ts';

/**
 * Whether something was answered since the last call, or nothing waits: false only for a queue that hangs. Bars,
 * silence heartbeats, swaps and everything else in the queue count, so a weekend is not a stall.
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
