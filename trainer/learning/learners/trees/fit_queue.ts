import type { OnTree } from './fit.ts';
import type { FitPool } from './fit_pool.ts';
import type { FitTrees } from './tree_learners.ts';

/** All fits of a training run, on one pool of threads, with one progress. */
export interface FitQueue {
  fit: FitTrees;
  /** Runs before waiting fits, and does not count in the progress. */
  fitUrgent: FitTrees;
  /**
   * Progress of work that counts as `weight` fits.
   * @returns a function that receives the finished share, 0 to 1
   */
  part(weight: number): (share: number) => void;
  close(): Promise<void>;
}

/**
 * @param pool is closed with the queue
 * @param total work of the run, in fits
 * @param onProgress `done` of `total`, in parts of a fit
 */
export function openFitQueue(
  pool: FitPool,
  total: number,
  onProgress: (done: number, total: number) => void,
): FitQueue {
  const done: number[] = [];
  const part = (weight: number): ((share: number) => void) => {
    const index = done.push(0) - 1;
    return (share) => {
      done[index] = share * weight;
      onProgress(
        Math.min(
          total,
          done.reduce((sum, own) => sum + own, 0),
        ),
        total,
      );
    };
  };
  return {
    fit(task, onTree, options) {
      const progress = part(1);
      const onOwn: OnTree = (done, all) => {
        progress(done / all);
        onTree(done, all);
      };
      return pool.fit(task, onOwn, options);
    },
    fitUrgent: (task, onTree, options) => pool.fit(task, onTree, { ...options, isUrgent: true }),
    part,
    close: () => pool.close(),
  };
}
