import { expect, it } from 'vitest';
import { benchQueue } from './queue.ts';

it('the queue bench runs each task through each queue, and its steps add up', { timeout: 60_000 }, async () => {
  const { embedded, bullmq } = await benchQueue(() => undefined, 10);
  for (const one of bullmq === null ? [embedded] : [embedded, bullmq]) {
    const { task_ms, enqueue_ms, claim_ms, complete_ms, outcome_ms } = one;
    const steps = [enqueue_ms, claim_ms, complete_ms, outcome_ms];
    expect([one.tasks, ...steps.map(({ count }) => count)]).toEqual([10, 10, 10, 10, 10]);
    for (const { p50 } of steps) expect(p50).toBeGreaterThan(0);
    expect(task_ms.max).toBeLessThanOrEqual(steps.reduce((sum, { max }) => sum + max, 0));
  }
});
