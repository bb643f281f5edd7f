import { isMainThread } from 'node:worker_threads';

/** A large object that one piece of work after the other uses on this thread. */
export interface Loan<T extends object> {
  /** undefined: none is there, or another piece of work has it. */
  take(): T | undefined;
  giveBack(lent: T | undefined): void;
}

/**
 * A thread of a pool keeps it to its end: memory that is given up between two fits is there a second time until garbage
 * collection. The main thread, which outlives a training, keeps it weakly.
 */
export function createLoan<T extends object>(isKept = !isMainThread): Loan<T> {
  let kept: T | undefined;
  let weak: WeakRef<T> | undefined;
  return {
    take() {
      const lent = kept ?? weak?.deref();
      kept = undefined;
      weak = undefined;
      return lent;
    },
    giveBack(lent) {
      if (lent === undefined) return;
      if (isKept) kept = lent;
      else weak = new WeakRef(lent);
    },
  };
}
