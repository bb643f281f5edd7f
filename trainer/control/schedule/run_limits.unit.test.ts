import { REQUESTED } from '../../../shared/run_trigger/run_triggers.fixture.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { pauseThread } from '../../../shared/durable_file.ts';
import { newRun, type RetrainRun } from './run.ts';
import { availableMemoryBytes, limitTime, memoryLack } from './run_limits.ts';

const MB = 1024 * 1024;
const runOf = (kind: RetrainRun['kind'], peak: number | null = null): RetrainRun => ({
  ...newRun({ run_id: 1, kind, trigger: REQUESTED, attempt: 1, started_at: '2024-01-01T00:00:00.000Z' }),
  peak_memory_bytes: peak,
});

describe('the memory check before a run', () => {
  it('requires the configured memory, or the peak of the last run of the kind where that is more', () => {
    const policy = { retrain_min_free_mb: 512 };
    const earlier = [runOf('full'), runOf('full', 2000 * MB), runOf('full', 9000 * MB), runOf('incremental', 900 * MB)];
    expect(memoryLack(runOf('full'), [], policy, 512 * MB)).toBeNull();
    expect(memoryLack(runOf('full'), [], policy, 512 * MB - 1)).toMatch(
      /^RUN_MEMORY: 511 MB .* 512 .*retrain_min_free_mb/,
    );
    expect(memoryLack(runOf('full'), earlier, policy, 1999 * MB)).toMatch(/at least 2000 \(what the last run took\)/);
    expect(memoryLack(runOf('full'), earlier, policy, 2000 * MB)).toBeNull();
    expect(memoryLack(runOf('incremental'), earlier, policy, 899 * MB)).toContain('at least 900');
    expect(memoryLack(runOf('thresholds'), earlier, policy, 512 * MB)).toBeNull();
  });

  it('reads the available memory of this machine', () => {
    expect(availableMemoryBytes()).toBeGreaterThan(10 * MB);
  });
});

describe('the time limit of a run', () => {
  it('does not act without a limit, nor when the run has ended', async () => {
    let stops = 0;
    const none = limitTime(() => stops++, { retrain_limit_minutes: null });
    const ended = limitTime(() => stops++, { retrain_limit_minutes: 1e-4 });
    ended.clear();
    const over = limitTime(() => stops++, { retrain_limit_minutes: 1e-4 });
    await expect.poll(() => over.isExceeded).toBe(true);
    expect([none.isExceeded, ended.isExceeded, stops]).toEqual([false, false, 1]);
  });

  it('counts no time during which the process stood', async () => {
    const limit = limitTime(() => undefined, { retrain_limit_minutes: 0.02 });
    await sleep(100);
    // As SIGSTOP: nothing of this process runs, and timers that are due fire at its wake.
    pauseThread(2500);
    await sleep(50);
    expect(limit.isExceeded).toBe(false);
    await expect.poll(() => limit.isExceeded, { timeout: 20_000 }).toBe(true);
  });
});
