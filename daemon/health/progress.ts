import type { Pipeline } from '../pipeline.ts';

/**
 * Whether something was answered since this was last asked, or nothing waits to be: false only for a pipeline that hangs. Bars, heartbeats
 * of silence, swaps and all else that goes through the queue count, so a weekend is no standstill.
 */
export function watchProgress(pipeline: Pick<Pipeline, 'isIdle' | 'done'>): () => boolean {
  let before = pipeline.done;
  return () => {
    const { isIdle, done } = pipeline;
    const isMoving = isIdle || done !== before;
    before = done;
    return isMoving;
  };
}
