import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { lookLevel } from './edge.ts';
import type { TradeDays } from './net_interval.ts';
import { periodEdge, type ClaimingPair } from './period_edge.ts';

const DAYS = 60;
const INDICES = Array.from({ length: DAYS }, (_, day) => day);
const NONE: TradeDays = { sum: new Float64Array(DAYS), count: new Float64Array(DAYS), trades: [] };

/** A trade a day with a normal result of this mean and a standard deviation of 10 bps. */
function tradesOf(mean: number, seed: string): TradeDays {
  const rng = createRng(seed);
  const sum = Float64Array.from(INDICES, () => mean + 10 * rng.normal());
  return { sum, count: new Float64Array(DAYS).fill(1), trades: Array.from(sum, (netBps) => ({ netBps, stopBps: 10 })) };
}

function pairsOf(means: readonly number[], seed: string): ClaimingPair[] {
  return means.map((mean, i) => ({ id: `P${i}`, all: tradesOf(mean, `${seed} ${i}`), published: NONE }));
}

describe('the edge of a period', () => {
  it('is that of each pair and of all together, at the level of the look, which falls with every further one', () => {
    const pairs = pairsOf([8, 0, 0], 'planted');
    const first = periodEdge(pairs, INDICES, 1);
    expect(first).toMatchObject({ look: 1, level: lookLevel(1) });
    expect(first.pairs['P0']).toMatchObject({ no_edge: false, trades: DAYS });
    expect(first.pairs['P1']!.no_edge).toBe(true);
    expect(first.pairs['P0']!.lower_net_bps).toBeGreaterThan(0);
    const late = periodEdge(pairs, INDICES, 1e7);
    expect(late.pairs['P0']).toMatchObject({ no_edge: true, p_value: first.pairs['P0']!.p_value });
    expect(late.pairs['P0']!.lower_net_bps).toBeLessThan(0);
  });

  it('counts the same trades as one claim, and pairs with too few as none', () => {
    const [own] = pairsOf([8], 'one');
    const alone = periodEdge([own!], INDICES, 1);
    expect(alone.all_pairs).toEqual(alone.pairs['P0']);
    const published = periodEdge(
      [
        { ...own!, published: own!.all },
        { id: 'P1', all: NONE, published: NONE },
      ],
      INDICES,
      1,
    );
    expect(published.pairs['P1']).toEqual({
      no_edge: true,
      trades: 0,
      net_bps: null,
      lower_net_bps: null,
      p_value: null,
    });
    expect(published.edge_pairs).toEqual(published.pairs['P0']);
    expect(published.pairs['P0']!.p_value).toBe(alone.pairs['P0']!.p_value);
  });

  it('has a false one in at most 5 % of worlds over three looks at five pairs', () => {
    const worlds = 80;
    let anyFalse = 0;
    let perClaim = 0;
    for (let world = 0; world < worlds; world++) {
      const looks = [1, 2, 3].map((look) =>
        periodEdge(pairsOf(new Array<number>(5).fill(0), `null ${world} ${look}`), INDICES, look),
      );
      const claims = looks.flatMap(({ pairs, all_pairs }) => [...Object.values(pairs), all_pairs]);
      if (claims.some(({ no_edge }) => !no_edge)) anyFalse++;
      // Each look on its own at 5 %, as an interval claims it.
      if (looks.some(({ all_pairs }) => all_pairs.p_value !== null && all_pairs.p_value < 0.05)) perClaim++;
    }
    expect(anyFalse / worlds).toBeLessThan(0.05 + 2 * Math.sqrt((0.05 * 0.95) / worlds));
    expect(perClaim).toBeGreaterThanOrEqual(anyFalse);
  });
});
