import { afterEach, describe, expect, it, vi } from 'vitest';
import { PROGRESS_FORM, PROGRESS_VARIABLE, readProgressLine } from '../trainer/jobs/progress/progress_line.ts';
import { createOutput } from './output.ts';

afterEach(() => {
  delete process.env[PROGRESS_VARIABLE];
  vi.restoreAllMocks();
});

/** Text that progress of `total` steps writes to standard error. */
function written(total: number): string[] {
  const texts: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => texts.push(String(text)) > 0);
  const progress = createOutput(true).progress();
  for (let done = 0; done <= total; done++) progress.update('learning', done, total);
  progress.update('backtest', 1, 1);
  progress.stop();
  vi.restoreAllMocks();
  return texts.join('').trimEnd().split('\n');
}

describe('progress', () => {
  it('is a line for programs at each percent where a trainer requests that', () => {
    process.env[PROGRESS_VARIABLE] = PROGRESS_FORM;
    const lines = written(1000).map((line) => readProgressLine(line)!);
    expect(lines).toHaveLength(102);
    expect(lines[7]).toEqual({ stage: 'learning', share: 0.07 });
    expect(lines.at(-1)).toEqual({ stage: 'backtest', share: 1 });
  });

  it('is a few lines for people elsewhere', () => {
    const shown = ['learning: 0 %', 'learning: 25 %', 'learning: 50 %', 'learning: 75 %', 'learning: 100 %'];
    expect(written(1000)).toEqual([...shown, 'backtest: 100 %']);
  });
});
