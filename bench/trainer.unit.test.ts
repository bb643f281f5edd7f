import { describe, expect, it } from 'vitest';
import { runTrainerBench } from './trainer.ts';

describe('runTrainerBench', () => {
  it('measures our engine and every other one that is installed', async () => {
    const lines: string[] = [];
    const size = { rows: 3000, columns: 12, rounds: 10, turns: 2, threads: [1, 2] };
    const result = await runTrainerBench((line) => lines.push(line), size);
    expect(lines.length).toBe(5);
    expect(result.runs.map(({ threads, busy_core }) => [threads, busy_core])).toEqual([
      [1, false],
      [1, true],
      [2, false],
      [2, true],
    ]);
    for (const { fits, against } of result.runs) {
      const engines = fits.map(({ engine }) => engine);
      expect([...engines, ...Object.keys(result.missing)].sort()).toEqual(['gbdt', 'lightgbm', 'xgboost']);
      for (const { seconds, auc } of fits) {
        expect(seconds.length).toBe(2);
        expect(auc).toBeGreaterThan(0.65);
      }
      expect(Object.keys(against)).toEqual(engines.slice(1));
    }
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });
});
