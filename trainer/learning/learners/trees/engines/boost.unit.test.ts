import { describe, expect, it } from 'vitest';
import { boost, type BoostPlan } from './boost.ts';

/** A booster with these losses by round, and nothing to split after `learnable` rounds. */
function run(
  losses: readonly number[],
  plan: Partial<BoostPlan>,
  learnable = Infinity,
): { kept: number; rounds: number[] } {
  const rounds: number[] = [];
  let steps = 0;
  const kept = boost(
    { step: () => ++steps <= learnable, loss: () => losses[steps - 1]! },
    { rounds: 10, patience: null, onRound: (round) => rounds.push(round), ...plan },
  );
  return { kept, rounds };
}

describe('boost', () => {
  it('runs all rounds without stopping rows', () => {
    expect(run([], { rounds: 3 })).toEqual({ kept: 3, rounds: [1, 2, 3] });
  });

  it('ends when patience is over, and keeps up to the first of the best rounds', () => {
    expect(run([5, 4, 3, 3, 4, 1], { patience: 2 })).toEqual({ kept: 3, rounds: [1, 2, 3, 4, 5] });
    expect(run([5, 4, 6, 3, 4, 5], { patience: 2 })).toEqual({ kept: 4, rounds: [1, 2, 3, 4, 5, 6] });
    expect(run([5, 4, 3], { patience: 9, rounds: 3 })).toEqual({ kept: 3, rounds: [1, 2, 3] });
  });

  it('keeps one round when no loss is a number', () => {
    expect(run([NaN, NaN, NaN, NaN], { patience: 3 })).toEqual({ kept: 1, rounds: [1, 2, 3, 4] });
  });

  it('ends when no split is left', () => {
    expect(run([], {}, 4)).toEqual({ kept: 4, rounds: [1, 2, 3, 4] });
    expect(run([], {}, 0)).toEqual({ kept: 1, rounds: [] });
    expect(run([3, 2, 2.5, 2.5], { patience: 5 }, 4)).toEqual({ kept: 2, rounds: [1, 2, 3, 4] });
  });
});
