/** Lets work in one queue run concurrently only if it has the same key. */
export interface Turns {
  /** Runs `work` once no work with another key runs or waits before it in this queue. */
  take<T>(queue: string, key: number, work: () => Promise<T>): Promise<T>;
}

interface Queue {
  key: number;
  running: number;
  readonly waiting: { readonly key: number; readonly start: () => void }[];
}

export function createTurns(): Turns {
  const queues = new Map<string, Queue>();

  function startNext(queue: Queue): void {
    for (let next = queue.waiting[0]; next !== undefined; next = queue.waiting[0]) {
      if (queue.running > 0 && next.key !== queue.key) return;
      queue.waiting.shift();
      queue.key = next.key;
      queue.running++;
      next.start();
    }
  }

  return {
    async take(name, key, work) {
      const queue = queues.get(name) ?? { key, running: 0, waiting: [] };
      queues.set(name, queue);
      await new Promise<void>((start) => {
        queue.waiting.push({ key, start });
        startNext(queue);
      });
      try {
        return await work();
      } finally {
        queue.running--;
        startNext(queue);
      }
    },
  };
}
