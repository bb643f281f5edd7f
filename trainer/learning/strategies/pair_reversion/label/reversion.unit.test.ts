import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedDecision } from '../../../../../shared/strategies/pair_reversion/decide.oracle.ts';
import type { PairHistory } from '../../../history/pair_history.ts';
import { CALM_BAR, historyOf, randomHistory, type HistoryBar } from '../../../history/pair_history.fixture.ts';
import { EVALUATION_BARRIERS, isCandidate, reversionLabel, type Barriers } from './reversion.ts';

const BARRIERS: Barriers = { z_entry: 2, z_exit: 0.5, stop: 1.5, horizon: 5 };

/** Computes the whole path of the frozen z, then finds the first bar at which each barrier is touched. */
function obviousLabel(history: PairHistory, t: number, { z_exit, stop, horizon }: Barriers) {
  const path: number[] = [];
  for (let k = 0; k < history.length; k++) {
    const spread = history.lnA[k]! - history.alpha[t]! - history.beta[t]! * history.lnB[k]!;
    path.push((spread - history.zMean[t]!) / history.zStd[t]!);
  }
  const mirrored = path[t]! < 0 ? path.map((z) => -z) : path;
  const touched = (test: (z: number) => boolean): number => {
    const k = mirrored.findIndex((z, at) => at > t && at <= t + horizon && test(z));
    return k < 0 ? Infinity : k;
  };
  const back = touched((z) => z <= z_exit);
  const out = touched((z) => z >= mirrored[t]! + stop);
  const vertical = t + horizon < history.length ? t + horizon : Infinity;
  const end = Math.min(back, out, vertical);
  if (end === Infinity) return null;
  return { label: back === end ? 1 : 0, end };
}

/** A history with this frozen z: alpha and mean 0, std 1, leg B constant. */
function pathOf(...z: number[]): PairHistory {
  return historyOf(z.map((lnA): HistoryBar => ({ ...CALM_BAR, lnA })));
}

describe('reversionLabel', () => {
  it('equals the direct computation of the frozen z on random histories of both signs of beta', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom(-1 as const, 1 as const),
        fc.integer({ min: 1, max: 40 }),
        (seed, sign, horizon) => {
          const history = randomHistory(seed, 150, sign);
          const barriers = { ...BARRIERS, horizon };
          for (let t = 0; t < history.length; t++) {
            if (!isCandidate(history, t, barriers)) continue;
            expect(reversionLabel(history, t, barriers)).toEqual(obviousLabel(history, t, barriers));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is 1 when the exit comes before the stop and 0 when the stop comes first', () => {
    expect(reversionLabel(pathOf(2, 1, 0.4, 9, 9, 9), 0, BARRIERS)).toEqual({ label: 1, end: 2 });
    expect(reversionLabel(pathOf(2, 3, 3.6, 0, 0, 0), 0, BARRIERS)).toEqual({ label: 0, end: 2 });
  });

  it('mirrors below the mean', () => {
    expect(reversionLabel(pathOf(-2, -1, -0.4, -9, -9, -9), 0, BARRIERS)).toEqual({ label: 1, end: 2 });
    expect(reversionLabel(pathOf(-2, -3, -3.6, 0, 0, 0), 0, BARRIERS)).toEqual({ label: 0, end: 2 });
  });

  it('counts a touch of either barrier, and a jump to the other side as the exit', () => {
    expect(reversionLabel(pathOf(2, 0.5, 2), 0, BARRIERS)).toEqual({ label: 1, end: 1 });
    expect(reversionLabel(pathOf(2, 3.5, 2), 0, BARRIERS)).toEqual({ label: 0, end: 1 });
    expect(reversionLabel(pathOf(2, -4, 2), 0, BARRIERS)).toEqual({ label: 1, end: 1 });
  });

  it('is 0 at the horizon, including its last bar, and does not depend on the next bar', () => {
    expect(reversionLabel(pathOf(2, 2, 2, 2, 2, 2, 0), 0, BARRIERS)).toEqual({ label: 0, end: 5 });
    expect(reversionLabel(pathOf(2, 2, 2, 2, 2, 0.4), 0, BARRIERS)).toEqual({ label: 1, end: 5 });
  });

  it('is null if the data ends first, but known if a barrier was touched before', () => {
    expect(reversionLabel(pathOf(2, 2, 2, 2, 2), 0, BARRIERS)).toBeNull();
    expect(reversionLabel(pathOf(2), 0, BARRIERS)).toBeNull();
    expect(reversionLabel(pathOf(2, 0), 0, BARRIERS)).toEqual({ label: 1, end: 1 });
  });

  it('uses only parameters frozen at its own bar, not re-estimated ones', () => {
    const drifting = [2, 2, 2, 2, 2, 2].map((lnA, i): HistoryBar => ({
      ...CALM_BAR,
      lnA,
      zMean: i === 0 ? 0 : 2,
      alpha: i,
    }));
    expect(reversionLabel(historyOf(drifting), 0, BARRIERS)).toEqual({ label: 0, end: 5 });
  });

  it('hedges with beta: a move of leg B alone narrows the spread for positive beta and widens it for negative beta', () => {
    const moveB = (beta: number): PairHistory =>
      historyOf([
        { ...CALM_BAR, lnA: 2, beta },
        { ...CALM_BAR, lnA: 2, lnB: 1.6, beta },
      ]);
    expect(reversionLabel(moveB(1), 0, BARRIERS)).toEqual({ label: 1, end: 1 });
    expect(reversionLabel(moveB(-1), 0, BARRIERS)).toEqual({ label: 0, end: 1 });
  });

  it('is the outcome of the reference decision’s position: Z_EXIT for 1, STOP or MAX_AGE for 0', () => {
    const policy = {
      ...EVALUATION_BARRIERS,
      max_age_bars: 60,
      beta_min: 0,
      beta_max: 1e9,
      risk_exit: 2,
      require_edge: false,
      min_expected_net_bps: 0,
    };
    let seen = 0;
    for (const seed of ['one', 'two', 'three']) {
      const history = randomHistory(seed, 600, 1);
      const marketOf = (t: number) => ({
        z: history.z[t]!,
        alpha: history.alpha[t]!,
        beta: history.beta[t]!,
        zMean: history.zMean[t]!,
        zStd: history.zStd[t]!,
        lnA: history.lnA[t]!,
        lnB: history.lnB[t]!,
      });
      for (let t = 0; t < history.length; t++) {
        if (!isCandidate(history, t, EVALUATION_BARRIERS)) continue;
        const entry = { ...marketOf(t), side: history.z[t]! > 0 ? -1 : 1, entryZ: history.z[t]! };
        let outcome: { label: number; end: number } | null = null;
        for (let k = t + 1; k < history.length && outcome === null; k++) {
          const decision = expectedDecision({
            bar: marketOf(k),
            scores: null,
            time: history.time[k]!,
            noEntryWindows: [],
            hasEdge: true,
            isHalted: false,
            theta1: 0,
            theta2: 1,
            policy,
            position: { ...entry, ageBars: k - t },
          });
          if (decision.action === 'EXIT') outcome = { label: decision.reason === 'Z_EXIT' ? 1 : 0, end: k };
        }
        expect(reversionLabel(history, t, EVALUATION_BARRIERS)).toEqual(outcome);
        seen++;
      }
    }
    expect(seen).toBeGreaterThan(100);
  });
});

describe('a candidate at z = 0', () => {
  it('buys leg A, as the decision does', () => {
    const barriers = { ...BARRIERS, z_entry: 0, z_exit: -0.5 };
    expect(reversionLabel(pathOf(0, 1, 1), 0, barriers)).toEqual({ label: 1, end: 1 });
  });
});

describe('isCandidate', () => {
  it('depends on |z| alone, the limit included', () => {
    const history = pathOf(2, -2, 1.999, -1.999, 0);
    expect([0, 1, 2, 3, 4].map((t) => isCandidate(history, t, BARRIERS))).toEqual([true, true, false, false, false]);
  });
});
