import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { realData, skipNote } from '../shared/bar_file/real_data.fixture.ts';
import { packageRoot } from '../shared/root.ts';
import { IS_WEEKLY, WEEKLY_NOTE } from './weekly.ts';

const data = realData('m1');

/** Rows of the table that it prints, without the head, and the last line. */
function acceptance(...options: string[]): { rows: string[][]; last: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(packageRoot(), 'dist', 'bench', 'training_acceptance.js'), '--data', data!, '--runs', '2', ...options],
    { encoding: 'utf8' },
  );
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout.trimEnd().split('\n');
  return { rows: lines.slice(1, -1).map((line) => line.split('|')), last: lines.at(-1)! };
}

describe.runIf(IS_WEEKLY && data !== null)(
  `whole trainings${skipNote(data)}${WEEKLY_NOTE}`,
  { timeout: 900_000 },
  () => {
    it('trade nothing where the direction of every bar is a coin', () => {
      const { rows, last } = acceptance('--days', '120', '--set', 'train.folds=2');
      expect(last).toBe('0 of 2 would trade');
      expect(rows.map(([, candidates]) => candidates)).toEqual(['0', '0']);
    });

    it('trade an edge of 2.5 bps after costs that is there in eight hours of the day', () => {
      const { rows, last } = acceptance('--first', '7', '--drift-bps', '7.8', '--set', 'train.folds=3');
      expect(last).toBe('2 of 2 would trade');
      for (const [, , known] of rows) expect(Math.abs(Number(known) - 2.5)).toBeLessThan(0.3);
    });
  },
);
