import { afterEach, expect, it } from 'vitest';
import { endLeague } from './league_options.ts';

afterEach(() => {
  process.exitCode = undefined;
});

/** Lines that a league ends with, and its exit code. */
function endOf(league: Partial<Parameters<typeof endLeague>[0]>) {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  endLeague({ failed: [], warnings: [], earners_on_placebo: [], ...league }, { note, missing: note });
  return { lines, code: process.exitCode };
}

const failed = [{ name: 'gru', code: 'LEARNER_FAILED', message: 'It ended.', next: 'Look.' }];
const earners_on_placebo = [{ entrant: 'vote', subjects: ['A_B', 'C_D'] }];

it('a league of any strategy whose entrants earn on a placebo has failed, also where others have no result', () => {
  for (const league of [{ earners_on_placebo }, { earners_on_placebo, failed }]) {
    const { lines, code } = endOf(league);
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe(
      'FAILED: on a market of coins nobody can earn, and these show an edge: vote (A_B, C_D). Do not trust this league.',
    );
  }
});

it('a league without an entrant has partly ended, and says why', () => {
  const { lines, code } = endOf({ failed });
  expect([code, lines.join()]).toEqual([3, expect.stringContaining('LEARNER_FAILED')]);
});

it('warns of training rows without a falling market, as a training does, and ends well', () => {
  const { lines, code } = endOf({ warnings: [{ code: 'NO_BEAR_MARKET', share: 0.01, limit: 0.05 }] });
  expect(code).toBeUndefined();
  expect(lines).toEqual([expect.stringMatching(/^warning: .*NO_BEAR_MARKET|^warning: /)]);
});
