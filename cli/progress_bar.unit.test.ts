import { describe, expect, it } from 'vitest';
import { ProgressBar } from './progress_bar.ts';

/** A terminal's line, and a clock that the test moves. */
function terminal(columns = 80) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const bar = new ProgressBar({ columns, write: (text) => written.push(text) }, () => clock.ms);
  /** What a person sees: the last text of each line. */
  const seen = (): string[] =>
    written
      .join('')
      .split('\n')
      .map((line) => line.split('\r\u001b[2K').at(-1)!);
  return { bar, clock, written, seen };
}

describe('the bar of a terminal', () => {
  it('shows the share and the time left at the pace so far, and leaves a line for each stage', () => {
    const { bar, clock, seen } = terminal();
    bar.update('learning', 0, 200);
    clock.ms = 10_000;
    bar.update('learning', 20, 200);
    expect(seen()).toEqual([`${'learning'.padEnd(24)} ███${'░'.repeat(27)}  10 % | 1:30 left`]);
    clock.ms = 90_000;
    bar.update('learning', 200, 200);
    bar.update('backtest', 1, 3);
    bar.stop();
    expect(seen()).toEqual([
      `${'learning'.padEnd(24)} ${'█'.repeat(30)} 100 %`,
      `${'backtest'.padEnd(24)} ${'█'.repeat(10)}${'░'.repeat(20)}  33 %`,
      '',
    ]);
  });

  it('counts the pace from where a stage that goes on began', () => {
    const { bar, clock, seen } = terminal();
    bar.update('search', 50, 100);
    clock.ms = 3_600_000;
    bar.update('search', 75, 100);
    expect(seen()[0]).toContain(' 75 % | 1:00:00 left');
  });

  it('is drawn at most five times a second, and always at the end', () => {
    const { bar, clock, written } = terminal();
    for (let done = 0; done <= 1000; done++) {
      clock.ms = done;
      bar.update('learning', done, 1000);
    }
    expect(written.filter((text) => text.startsWith('\r'))).toHaveLength(6);
    expect(written.at(-2)).toContain('100 %');
    expect(written.at(-1)).toBe('\n');
  });

  it('stays on one line of a narrow terminal, and takes an empty stage for a whole one', () => {
    const { bar, written, seen } = terminal(40);
    bar.update('a stage of some length', 1, 2);
    expect(seen()[0]).toHaveLength(39);
    bar.update('nothing to do', 0, 0);
    expect(written.at(-1)).toBe('\n');
    expect(seen().at(-2)).toContain('nothing to do');
  });
});
