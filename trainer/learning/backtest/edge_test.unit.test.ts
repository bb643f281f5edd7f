import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { allowedLosses, edgeTest, type TestedTrade } from './edge_test.ts';

const stopped = (...of: readonly (readonly [netBps: number, stopBps: number])[]): TestedTrade[] =>
  of.map(([netBps, stopBps]) => ({ netBps, stopBps }));
const free = (...netBps: readonly number[]): TestedTrade[] => netBps.map((own) => ({ netBps: own }));

describe('the loss that an edge has to allow for', () => {
  it('is three mean stops of its own trades, winners and losers', () => {
    expect(allowedLosses([stopped([5, 10], [-8, 20], [3, 30]), stopped([1, 4], [2, 4])])).toEqual([60, 12]);
  });

  it('is as many stops as one in a hundred trades of all groups exceeds, where that is more', () => {
    const usual = Array.from({ length: 198 }, (_, i) => [i % 2 === 0 ? 5 : -10, 10] as const);
    const one = stopped(...usual, [-70, 10], [-50, 10]);
    // The worst of 200 trades lost 7 stops; so did one in two hundred. One in a hundred exceeds 5 of them or less.
    expect(allowedLosses([one])).toEqual([30]);
    const two = stopped(...usual.slice(2), [-90, 10], [-70, 10], [-50, 10], [-10, 10]);
    const other = stopped([1, 2], [3, 2]);
    const losses = allowedLosses([two, other]);
    expect(losses).toEqual([50, 10]);
  });

  it('is nine mean gains without a stop, also where a single trade has none', () => {
    expect(allowedLosses([free(2, -20, 4, 0)])).toEqual([27]);
    expect(allowedLosses([[...free(2), ...stopped([4, 1])]])).toEqual([27]);
    expect(allowedLosses([free(-1, -2), []])).toEqual([0, 0]);
  });

  it('is as many mean gains as the largest loss of any group without a stop takes back, where that is more', () => {
    expect(allowedLosses([free(2, -60, 4), free(1, 1), stopped([1, 2], [-2, 2])])).toEqual([60, 20, 6]);
  });

  it('is not raised by a stop that was never met', () => {
    const met = (stopBps: number): TestedTrade[] =>
      Array.from({ length: 600 }, (_, i) => ({ netBps: i % 3 === 0 ? -30 : 22, stopBps, adverseBps: 20 + (i % 41) }));
    const judged = [300, 1000, 2000, 1e6].map((stop) => edgeTest(met(stop))!.p);
    expect(allowedLosses([met(1000)])).toEqual([9 * 22]);
    expect(judged[0]).toBeLessThan(0.02);
    for (const p of judged) expect(p).toBe(judged[0]);
    // Not known how far they were behind: three stops.
    expect(allowedLosses([met(1000).map(({ netBps, stopBps }) => ({ netBps, stopBps: stopBps! }))])).toEqual([3000]);
  });

  it('is three times how far a trade was behind, of any pair in its gains, where that is more than nine gains', () => {
    const calm: TestedTrade[] = [{ netBps: 2, stopBps: 5000, adverseBps: 1 }];
    const wild: TestedTrade[] = [{ netBps: 4, stopBps: 5000, adverseBps: 40 }];
    expect(allowedLosses([calm, wild])).toEqual([60, 120]);
  });

  it('finds no edge in walks without drift whose gains are small and whose stop is far', () => {
    // Ends at a gain of 2 steps or at a loss of 60; the steps have heavy tails.
    const rng = createRng('a far stop');
    const step = (): number => (rng.uniform() < 0.5 ? -1 : 1) * Math.min(30, 0.5 / Math.sqrt(rng.uniform()));
    const walk = (stop: number): TestedTrade => {
      let at = 0;
      let behind = 0;
      for (let i = 0; i < 400 && at < 2 && at > -stop; i++) {
        at += step();
        behind = Math.max(behind, -at);
      }
      return { netBps: at, stopBps: stop, adverseBps: behind };
    };
    for (const stop of [20, 60, 1e4]) {
      let found = 0;
      for (let world = 0; world < 200; world++)
        if (edgeTest(Array.from({ length: 100 }, () => walk(stop)))!.p < 0.05) found++;
      expect([stop, found <= 10]).toEqual([stop, true]);
    }
  });

  it('finds no edge in pairs of which one in seven has not had its rare loss yet', () => {
    // A gain of 1, or once in fifty trades a loss of 49: the mean is 0. By nine mean gains 47 of these 60 worlds had
    // an edge.
    const rng = createRng('rare losses');
    let found = 0;
    for (let world = 0; world < 60; world++) {
      const groups = Array.from({ length: 10 }, () =>
        free(...Array.from({ length: 100 }, () => (rng.uniform() < 0.02 ? -49 : 1))),
      );
      const losses = allowedLosses(groups);
      if (groups.some((trades, i) => edgeTest(trades, { loss: losses[i]! })!.p < 0.005)) found++;
    }
    expect(found).toBeLessThan(5);
  });
});
