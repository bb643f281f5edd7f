import type { Queue } from '../queue.ts';

/**
 * Whether something was answered since this was last asked, or nothing waits to be: false only for a queue that hangs.
 * Bars, heartbeats of silence, swaps and all else that goes through the queue count, so a weekend is no standstill.
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
