import { describe, expect, it } from 'vitest';
import { MAX_FENCE } from '../../shared/bundle/active_file.ts';
import { explore, type ModelStep } from '../../test/explorer.ts';
import { claimOwnership, NO_OWNER, OWNERSHIP_MS, type Ownership } from './promotion_owner.ts';

describe('the ownership of promotions', () => {
  const owned = claimOwnership(NO_OWNER, { holder: 'a', nowMs: 1_000_000 })!;

  it('is taken when it is free, with a fence of at least the server’s time, and kept by its holder', () => {
    expect(owned).toEqual({ holder: 'a', fence: 1_000_000, renewedMs: 1_000_000 });
    expect(claimOwnership(owned, { holder: 'a', nowMs: 1_010_000 })).toEqual({ ...owned, renewedMs: 1_010_000 });
    expect(claimOwnership({ ...owned, holder: '' }, { holder: 'b', nowMs: 1_000_001 })).toMatchObject({
      holder: 'b',
      fence: 1_000_001,
    });
  });

  it('is another’s only after a minute without a renewal, or when the server’s clock jumped', () => {
    expect(claimOwnership(owned, { holder: 'b', nowMs: 1_000_000 + OWNERSHIP_MS })).toBeNull();
    expect(claimOwnership(owned, { holder: 'b', nowMs: 1_000_001 + OWNERSHIP_MS })).toMatchObject({
      holder: 'b',
      fence: 1_060_001,
    });
    // The clock was set back by an hour: nobody waits an hour, and the fence rises all the same.
    const later = { ...owned, renewedMs: 4_600_000, fence: 4_600_000 };
    expect(claimOwnership(later, { holder: 'b', nowMs: 1_000_000 })).toMatchObject({ holder: 'b', fence: 4_600_001 });
  });

  it('rises above the fence of a pointer that another store has written, for its owner alone', () => {
    expect(claimOwnership(owned, { holder: 'a', nowMs: 1_000_000, present: 5_000_000 })?.fence).toBe(5_000_001);
    expect(claimOwnership(owned, { holder: 'a', nowMs: 1_000_000, present: 900_000 })?.fence).toBe(owned.fence);
    expect(claimOwnership(NO_OWNER, { holder: 'b', nowMs: 1_000_000, present: 5_000_000 })?.fence).toBe(5_000_001);
    expect(claimOwnership(owned, { holder: 'b', nowMs: 1_000_000, present: 5_000_000 })).toBeNull();
    expect(claimOwnership(owned, { holder: 'a', nowMs: 1, present: MAX_FENCE })?.fence).toBe(MAX_FENCE);
  });
});

/** Two or three installations that promote into one folder and one registry. */
interface World {
  readonly nowMs: number;
  readonly jumps: number;
  readonly row: Ownership;
  readonly pointer: { readonly fence: number; readonly by: string };
  readonly registry: { readonly fence: number; readonly by: string };
  /** By installation: the fence of its admission, and how far its promotion is. A paused one just takes no step. */
  readonly promotions: Readonly<Record<string, { readonly fence: number; readonly next: 'write' | 'register' }>>;
  readonly begun: number;
  /** Installation by fence, and the highest fence that any of them has had. */
  readonly holders: Readonly<Record<string, string>>;
}

interface Rules {
  readonly claim: typeof claimOwnership;
  /** Whether a write with a fence is taken, after one with the other. */
  readonly isTaken: (fence: number, present: number) => boolean;
}
const RULES: Rules = { claim: claimOwnership, isTaken: (fence, present) => fence >= present };

interface Bounds {
  readonly promotions: number;
  readonly jumps: number;
}

function worldOf(names: readonly string[], { claim, isTaken }: Rules, most: Bounds = { promotions: 2, jumps: 2 }) {
  const initial: World = {
    nowMs: 1000,
    jumps: 0,
    row: NO_OWNER,
    pointer: { fence: 0, by: '' },
    registry: { fence: 0, by: '' },
    promotions: {},
    begun: 0,
    holders: {},
  };

  function stepsOf(world: World, name: string): ModelStep<World>[] {
    const { row, pointer, registry, promotions, begun, nowMs } = world;
    const own = promotions[name];
    const { [name]: _, ...others } = promotions;
    const steps: ModelStep<World>[] = [];
    if (own === undefined) {
      const next = claim(row, { holder: name, nowMs, present: pointer.fence });
      if (next !== null && begun < most.promotions)
        steps.push({
          name: `${name} is admitted`,
          after: {
            ...world,
            row: next,
            begun: begun + 1,
            promotions: { ...promotions, [name]: { fence: next.fence, next: 'write' } },
            holders: { ...world.holders, [next.fence]: world.holders[next.fence] ?? name },
          },
        });
      if (row.holder === name) steps.push({ name: `${name} ends`, after: { ...world, row: { ...row, holder: '' } } });
      return steps;
    }
    // A process that is killed leaves its ownership to time.
    steps.push({ name: `${name} is killed`, after: { ...world, promotions: others } });
    if (own.next === 'write') {
      const isWritten = isTaken(own.fence, pointer.fence);
      steps.push({
        name: `${name} writes the pointer`,
        after: isWritten
          ? {
              ...world,
              pointer: { fence: own.fence, by: name },
              promotions: { ...promotions, [name]: { ...own, next: 'register' } },
            }
          : { ...world, promotions: others },
      });
      return steps;
    }
    const next = claim(row, { holder: name, nowMs, present: pointer.fence });
    const isWritten = next !== null && isTaken(own.fence, registry.fence);
    steps.push({
      name: `${name} tells the registry`,
      after: isWritten
        ? { ...world, row: next, registry: { fence: own.fence, by: name }, promotions: others }
        : { ...world, promotions: others },
    });
    return steps;
  }

  return {
    initial,
    steps(world: World): ModelStep<World>[] {
      const jumped = (byMs: number): World => ({ ...world, nowMs: world.nowMs + byMs, jumps: world.jumps + 1 });
      const jumps =
        world.jumps >= most.jumps
          ? []
          : [
              { name: 'a minute passes', after: jumped(OWNERSHIP_MS + 1) },
              { name: 'the clock is set back', after: jumped(-2 * OWNERSHIP_MS) },
            ];
      return [...names.flatMap((name) => stepsOf(world, name)), ...jumps];
    },
    broken(before: World, { after }: ModelStep<World>): string | null {
      if (after.pointer.fence < before.pointer.fence) return 'a stale owner wrote the pointer';
      if (after.registry.fence < before.registry.fence) return 'a stale owner wrote the registry';
      for (const place of [after.pointer, after.registry])
        if (place.fence > 0 && after.holders[place.fence] !== place.by) return 'two owners have one fence';
      return null;
    },
  };
}

describe('every order of admissions, pauses, kills, minutes and clock steps', () => {
  it.each([
    ['two installations', ['a', 'b'], { promotions: 3, jumps: 2 }, 500],
    ['three installations', ['a', 'b', 'c'], { promotions: 3, jumps: 1 }, 500],
  ])('of %s lets no stale owner write', (_, names, most, least) => {
    const { counterexample, states } = explore(worldOf(names, RULES, most));
    expect(counterexample).toBeNull();
    expect(states).toBeGreaterThan(least);
  });

  it('is searched by an explorer that finds a write without a fence, and a fence that does not rise', () => {
    const unfenced = explore(worldOf(['a', 'b'], { ...RULES, isTaken: () => true }));
    expect(unfenced.counterexample).toEqual([
      'a is admitted',
      'a minute passes',
      'b is admitted',
      'b writes the pointer',
      'a writes the pointer',
      'a stale owner wrote the pointer',
    ]);
    const flat: Rules = {
      ...RULES,
      claim(row, claim) {
        const next = claimOwnership(row, claim);
        return next === null ? null : { ...next, fence: Math.max(1, row.fence) };
      },
    };
    expect(explore(worldOf(['a', 'b'], flat)).counterexample?.at(-1)).toBe('two owners have one fence');
    const byTime: Rules = {
      ...RULES,
      claim(row, claim) {
        const next = claimOwnership(row, claim);
        return next === null || next.fence === row.fence ? next : { ...next, fence: claim.nowMs };
      },
    };
    // A clock that is set back would give a lower one: the new owner would be refused, or the old one accepted.
    expect(explore(worldOf(['a', 'b'], byTime)).counterexample).not.toBeNull();
  });
});
