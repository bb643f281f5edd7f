import type { Rng } from '../shared/ports.ts';

/** One turn of the real event loop: when it ends, all promise jobs are done, however long their chain. */
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Due {
  readonly timeMs: number;
  readonly tie: number;
  readonly order: number;
  readonly work: () => void;
  canceled: boolean;
}

/** Simulated time. It advances only to run due work, and work never overlaps. */
export interface Timeline {
  /** Milliseconds since the world began; never decreases. */
  readonly nowMs: number;
  /** Scheduled work items, including canceled ones. */
  readonly waiting: number;
  /** Number of executed work items. */
  readonly worksDone: number;
  /**
   * Runs `work` once at `timeMs`, or as soon as possible after. Simultaneous work runs in an order given by the seed;
   * `inOrder` work runs first, in order of request.
   * @returns a function that cancels it
   */
  at(timeMs: number, work: () => void, inOrder?: boolean): () => void;
  /** Lets the current work take this long: work that falls due meanwhile is delayed. */
  spend(ms: number): void;
  /** Runs all work due up to `untilMs`, draining all promise jobs between two items. */
  run(untilMs: number): Promise<void>;
}

/**
 * A queue of work ordered by time and, within the same time, by the seed. Everything inside the simulated world is
 * synchronous or uses only promises, so one real turn of the event loop between two items drains all promise jobs.
 */
export function createTimeline(rng: Rng): Timeline {
  const heap: Due[] = [];
  let nowMs = 0;
  let worksDone = 0;
  let orders = 0;

  const isBefore = (x: Due, y: Due): boolean =>
    x.timeMs !== y.timeMs ? x.timeMs < y.timeMs : x.tie !== y.tie ? x.tie < y.tie : x.order < y.order;

  function push(due: Due): void {
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const above = (at - 1) >>> 1;
      if (!isBefore(due, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = due;
  }

  function pop(): Due {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }

  return {
    get nowMs() {
      return nowMs;
    },
    get waiting() {
      return heap.length;
    },
    get worksDone() {
      return worksDone;
    },
    at(timeMs, work, inOrder = false) {
      const tie = inOrder ? 0 : 1 + rng.integer(1 << 20);
      const due: Due = { timeMs: Math.max(timeMs, nowMs), tie, order: ++orders, work, canceled: false };
      push(due);
      return () => {
        due.canceled = true;
      };
    },
    spend(ms) {
      nowMs += ms;
    },
    async run(untilMs) {
      while (heap.length > 0 && heap[0]!.timeMs <= untilMs) {
        const due = pop();
        if (due.canceled) continue;
        if (due.timeMs > nowMs) nowMs = due.timeMs;
        due.work();
        worksDone++;
        await drain();
      }
      nowMs = Math.max(nowMs, untilMs);
    },
  };
}
