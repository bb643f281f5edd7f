import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { FitTask } from './fit.ts';
import { openFitPool } from './fit_pool.ts';

/** All fits of a training run, on one pool of threads, with one progress. */
export interface FitQueue {
  fit(task: FitTask): Promise<TreeModel>;
  /** Runs before waiting fits, and does not count in the progress. */
  fitUrgent(task: FitTask): Promise<TreeModel>;
  /**
   * Progress of work that counts as `weight` fits.
   * @returns a function that receives the finished share, 0 to 1
   */
  part(weight: number): (share: number) => void;
  close(): Promise<void>;
}

/**
 * @param workers threads; 0 = on the calling one
 * @param total work of the run, in fits
 * @param onProgress `done` of `total`, in parts of a fit
 */
export function openFitQueue(
  workers: number,
  total: number,
  onProgress: (done: number, total: number) => void,
): FitQueue {
  const pool = openFitPool(workers);
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
    fit(task) {
      const progress = part(1);
      return pool.fit(task, (trees, all) => progress(trees / all));
    },
    fitUrgent: (task) => pool.fit(task, () => undefined, { isUrgent: true }),
    part,
    close: () => pool.close(),
  };
}
