import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL_TRAININGS } from '../strategies/registry.ts';
import { createRunProgress, type StageTime } from './run_progress.ts';

const LAST: readonly StageTime[] = [
  { stage: 'reading bars', duration_ms: 10_000 },
  { stage: 'search (best 0.61)', duration_ms: 60_000 },
  { stage: 'learning', duration_ms: 30_000 },
];

describe('the progress of a run', () => {
  it('weighs stages by their last durations, and estimates the rest by the pace so far', () => {
    const progress = createRunProgress(LAST);
    expect([progress.percent(), progress.etaSeconds()]).toEqual([0, null]);
    progress.update({ stage: 'reading bars', share: 0.4 }, 8000);
    expect([progress.percent(), progress.etaSeconds()]).toEqual([4, null]);
    // A machine half as fast as last time.
    progress.update({ stage: 'search, trial 3 of 20, best 0.55', share: 0 }, 20_000);
    expect([progress.percent(), progress.etaSeconds()]).toEqual([10, 180]);
    progress.update({ stage: 'search (best 0.62)', share: 0.5 }, 80_000);
    expect([progress.percent(), progress.etaSeconds()]).toEqual([40, 120]);
    progress.update({ stage: 'learning', share: 1 }, 200_000);
    expect([progress.percent(), progress.etaSeconds()]).toEqual([99, 0]);
    expect(progress.end(201_000)).toEqual([
      { stage: 'reading bars', duration_ms: 20_000 },
      { stage: 'search', duration_ms: 180_000 },
      { stage: 'learning', duration_ms: 1000 },
    ]);
  });

  it('counts a skipped stage as done, and an unknown one as nothing', () => {
    const progress = createRunProgress(LAST);
    progress.update({ stage: 'unknown stage', share: 1 }, 1000);
    expect(progress.percent()).toBe(0);
    progress.update({ stage: 'learning', share: 0.5 }, 2000);
    expect(progress.percent()).toBe(85);
    progress.update({ stage: 'search', share: 0.1 }, 3000);
    expect(progress.percent()).toBe(85);
  });

  it.each(ALL_TRAININGS)('is an estimate the first time, by the stages of $shelf', ({ firstStages }) => {
    const progress = createRunProgress(firstStages);
    let before = 0;
    for (const { stage, duration_ms } of firstStages) {
      progress.update({ stage: `${stage} ai1`, share: 0 }, 1000);
      expect(progress.percent()).toBe(before);
      before += duration_ms;
    }
    expect(before).toBe(100);
  });

  it('stays at 0 where no stages are known', () => {
    const progress = createRunProgress([]);
    progress.update({ stage: 'learning', share: 0.5 }, 1000);
    expect([progress.percent(), progress.etaSeconds()]).toEqual([0, null]);
  });

  it('never falls, stays below 100, and its stages sum to the elapsed time', () => {
    const stage = fc.constantFrom('reading bars', 'search (best 1)', 'learning', 'other', 'search (best 2)');
    const lines = fc.array(fc.record({ stage, share: fc.double({ min: 0, max: 1, noNaN: true }), ms: fc.nat(5000) }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(lines, fc.nat(5000), (given, rest) => {
        const progress = createRunProgress(LAST);
        let elapsed = 0;
        let before = 0;
        for (const { ms, ...line } of given) {
          progress.update(line, (elapsed += ms));
          expect(progress.percent()).toBeGreaterThanOrEqual(before);
          before = progress.percent();
          expect(before).toBeLessThan(100);
          const eta = progress.etaSeconds();
          if (eta !== null) expect(eta).toBeGreaterThanOrEqual(0);
        }
        const times = progress.end((elapsed += rest));
        expect(times.reduce((sum, { duration_ms }) => sum + duration_ms, 0)).toBe(elapsed);
      }),
    );
  });
});
