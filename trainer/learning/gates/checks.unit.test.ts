import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { writtenGate } from '../../../test/written_gate.ts';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import type { Rng } from '../../../shared/ports.ts';
import { createRng } from '../../../shared/rng.ts';
import type { Executability } from '../../../shared/bundle/manifest.ts';
import type { TimedRows } from '../statistics/time_blocks.ts';
import { checkAuc } from './auc.ts';
import { checkBrier } from './brier.ts';
import { checkChampionAuc, checkChampionBrier, checkChampionSharpe, checkCandidates } from './champion.ts';
import { checkExecutable } from './executable.ts';
import { checkPassRate } from './risk_pass_rate.ts';
import type { BrierLoss, Compared } from './gate.ts';

/** Rows a minute apart with labels of five minutes. */
const timed = (rows: number): TimedRows => ({
  time: Array.from({ length: rows }, (_, i) => 60 * i),
  labelEnd: Array.from({ length: rows }, (_, i) => 60 * i + 300),
});

describe('checkAuc', () => {
  it('accepts an AUC exactly at its limit, and shows a missing one', () => {
    expect(writtenGate(checkAuc({ auc: 0.6 }, 0.52))).toEqual({
      name: 'ai1 auc',
      passed: true,
      seen: '0.6000',
      limit: 'at least 0.52 on the holdout',
    });
    expect([0.52, 0.5199, null].map((auc) => checkAuc({ auc }, 0.52).passed)).toEqual([true, false, false]);
    expect(writtenGate(checkAuc({ auc: null }, 0.52)).seen).toBe('none');
  });
});

describe('checkBrier', () => {
  const worlds = (count: number, make: (rng: Rng) => { scores: number[]; labels: number[] }): number => {
    let vetoed = 0;
    for (let world = 0; world < count; world++) {
      const { scores, labels } = make(createRng(`brier ${world}`));
      if (!checkBrier(scores, labels, timed(labels.length)).passed) vetoed++;
    }
    return vetoed / count;
  };

  it('lets probabilities pass that are worse than the baseline by less than chance, one in fifty excepted', () => {
    // A rare label, answered by its true probability and noise that costs as much as the knowledge gains.
    const share = worlds(600, (rng) => {
      const labels: number[] = [];
      const scores: number[] = [];
      for (let row = 0; row < 1500; row++) {
        const truth = 0.02 + 0.01 * rng.normal();
        labels.push(rng.uniform() < truth ? 1 : 0);
        scores.push(truth + 0.01 * rng.normal());
      }
      return { scores, labels };
    });
    expect(share).toBeLessThan(0.04);
  });

  it('vetoes probabilities that are miscalibrated', () => {
    const share = worlds(50, (rng) => {
      const labels = Array.from({ length: 1500 }, () => (rng.uniform() < 0.3 ? 1 : 0));
      return { labels, scores: labels.map(() => 0.5) };
    });
    expect(share).toBe(1);
  });

  it('reports the baseline of the very labels, and refuses without rows', () => {
    const labels = Array.from({ length: 100 }, (_, i) => (i % 4 === 0 ? 1 : 0));
    const equal = writtenGate(
      checkBrier(
        labels.map(() => 0.25),
        labels,
        timed(100),
      ),
    );
    expect(equal).toMatchObject({ passed: true, seen: '0.1875' });
    expect(equal.limit).toMatch(/^at most 0\.1875, that of the baseline, beyond an error of \d\.\d{4}$/);
    expect(checkBrier([], [], timed(0))).toMatchObject({ passed: false, value: null, limit: null });
  });
});

describe('checkPassRate', () => {
  const range = [0.05, 0.4] as const;
  const risksAt = (rate: number, rows: number): Float64Array => {
    const rng = createRng(`${rate}`);
    return Float64Array.from({ length: rows }, () => (rng.uniform() < rate ? 0.1 : 0.9));
  };

  it('reports the share of candidates below θ2 with its range and error', () => {
    const found = writtenGate(
      checkPassRate(
        Float64Array.from({ length: 100 }, (_, i) => i / 100),
        0.3,
        range,
        timed(100),
      ),
    );
    expect(found).toMatchObject({ name: 'risk pass rate', passed: true, seen: '30.0 % of 100 candidates' });
    expect(found.limit).toMatch(/^from 5\.0 % to 40\.0 % of the holdout's, beyond an error of [\d.]+ %$/);
  });

  it('vetoes a rate that is outside the range beyond chance alone', () => {
    const passed = (rate: number, rows: number): boolean =>
      checkPassRate(risksAt(rate, rows), 0.5, range, timed(rows)).passed;
    expect([0.02, 0.06, 0.3, 0.42, 0.5].map((rate) => passed(rate, 3000))).toEqual([false, true, true, true, false]);
    expect(passed(0.44, 200)).toBe(true);
    // Too few periods for an error: the range as it is.
    expect(passed(0.5, 60)).toBe(false);
    let vetoed = 0;
    for (let world = 0; world < 400; world++) {
      const rng = createRng(`at the limit ${world}`);
      const risks = Float64Array.from({ length: 500 }, () => (rng.uniform() < 0.4 ? 0.1 : 0.9));
      if (!checkPassRate(risks, 0.5, range, timed(500)).passed) vetoed++;
    }
    expect(vetoed / 400).toBeLessThan(0.045);
  });

  it('does not count a risk equal to θ2, and refuses without candidates', () => {
    expect(checkPassRate(new Float64Array(60).fill(0.3), 0.3, range, timed(60))).toMatchObject({
      value: 0,
      evidence: { candidates: 60 },
    });
    expect(checkPassRate(new Float64Array(), 0.3, range, timed(0))).toMatchObject({
      passed: false,
      evidence: { candidates: 0 },
    });
  });
});

const WIDE = 'executable_outside_wide_minutes';

describe('checkExecutable', () => {
  const figures = { trades: 9, net_bps: 2, narrow_net_bps: 1, delayed_net_bps: { after_1: 0.99 } } as Executability;
  const limits = { executable_share_min: 0.5 };

  it('requires a positive result and the share of the policy, the limit included', () => {
    expect(writtenGate(checkExecutable(WIDE, figures, 'narrow_net_bps', limits))).toEqual({
      name: 'executable outside wide minutes',
      passed: true,
      seen: '1.00 of 2.00 bps per trade, 9 trades',
      limit: 'above 0, and at least 50.0 % of it',
    });
    expect(checkExecutable('executable_one_minute_later', figures, 'after_1', limits)!.passed).toBe(false);
    const nothing = { ...figures, narrow_net_bps: 0 };
    expect(checkExecutable(WIDE, nothing, 'narrow_net_bps', { executable_share_min: 0 })!.passed).toBe(false);
  });

  it('passes without trades', () => {
    expect(checkExecutable(WIDE, { ...figures, trades: 0, net_bps: null }, 'narrow_net_bps', limits)).toMatchObject({
      passed: true,
      evidence: { reason: 'no_trades' },
    });
  });
});

describe('checkCandidates', () => {
  const times = Float64Array.from({ length: 60 }, (_, i) => 60 * i);

  it('requires 50 entry candidates at or after the start of the comparison', () => {
    expect(writtenGate(checkCandidates(times, 660 as OpenTime, 'v1', { adopt_min_candidates: 50 })!)).toEqual({
      name: 'champion',
      passed: false,
      seen: '49 entry candidates that neither these models nor v1 have learned from',
      limit: 'at least 50 to compare by',
    });
    expect(checkCandidates(times, 601 as OpenTime, 'v1', { adopt_min_candidates: 50 })).toMatchObject({
      passed: false,
    });
    expect(checkCandidates(times, 600 as OpenTime, 'v1', { adopt_min_candidates: 50 })).toBeNull();
  });
});

describe('a comparison with the champion', () => {
  const delivered = loadSettings({ env: {} }).retrain;
  const strict = { ...delivered, adopt_min_sharpe_gain: 0.05, adopt_max_auc_loss: 0.005 };
  const NO_LOSS: BrierLoss = { mean: 0, chance: 0.001 };
  const checkComparison = (
    champion: Compared,
    challenger: Compared,
    { limits = delivered, loss = NO_LOSS }: { limits?: typeof delivered; loss?: BrierLoss } = {},
  ): GateResult[] =>
    [
      checkChampionAuc(champion, challenger, limits),
      checkChampionBrier(champion, challenger, loss),
      checkChampionSharpe(champion, challenger, limits),
    ].filter((result) => result !== null);
  const isAdopted = (...comparison: Parameters<typeof checkComparison>): boolean =>
    checkComparison(...comparison).every(({ passed }) => passed);
  /** @param published Sharpe ratio of the pairs with an edge: by default that of all */
  const side = (auc: number | null, sharpe: number | null, version = 'v1', published = sharpe): Compared => ({
    version,
    scores: { auc, brier: 0.23 },
    all: { net_sharpe: sharpe, trades: sharpe === null ? 0 : 50 },
    withEdge: { net_sharpe: published, trades: published === null ? 0 : 40 },
  });

  it('has the limits of the specification as delivered', () => {
    expect(delivered).toMatchObject({
      adopt_min_sharpe_ratio: 0.9,
      adopt_min_sharpe_gain: null,
      adopt_max_auc_loss: 0.02,
    });
  });

  it('reports both figures of both sides with their limits', () => {
    expect(checkComparison(side(0.6, 1), side(0.62, 1.5, 'v2')).map(writtenGate)).toEqual([
      {
        name: 'champion auc',
        passed: true,
        seen: '0.6200 against 0.6000 of v1',
        limit: 'less than 0.02 below',
      },
      {
        name: 'champion net sharpe',
        passed: true,
        seen: '1.50 of 50 trades against 1.00 of 50 of v1',
        limit: 'at least 0.90, as if every pair had an edge',
      },
    ]);
    expect(checkComparison(side(null, null), side(null, null, 'v2')).map(writtenGate)).toEqual([
      { name: 'champion auc', passed: true, seen: 'none against none of v1', limit: 'less than 0.02 below' },
      {
        name: 'champion brier',
        passed: true,
        seen: '0.2300 against 0.2300 of v1',
        limit: 'not more than 0.00100 above, the error of the difference',
      },
      {
        name: 'champion net sharpe',
        passed: true,
        seen: 'no ratio of 0 trades against none of 0 of v1',
        limit: 'champion auc and champion brier decide',
      },
    ]);
  });

  it.each([-8, -0.3, 0, 0.001, 1, 25, null])('adopts results equal to those of a Sharpe ratio of %s', (sharpe) => {
    for (const auc of [0.2, 0.6, null]) {
      expect(isAdopted(side(auc, sharpe), side(auc, sharpe))).toBe(true);
      expect(isAdopted(side(auc, sharpe), side(auc, sharpe), { limits: { ...delivered, adopt_max_auc_loss: 0 } })).toBe(
        true,
      );
    }
  });

  it.each([
    // Nine tenths of the champion's, and a loss of AUC below the limit.
    [side(0.6, 1), side(0.5801, 0.9), true],
    [side(0.6, 1), side(0.6, 0.899), false],
    [side(0.6, 1), side(0.58, 1), false],
    [side(0.7, 1), side(0.68, 1), false],
    // A loss must not grow: nine tenths of a negative ratio would demand a gain.
    [side(0.6, -2), side(0.6, -1.95), true],
    [side(0.6, -2), side(0.6, -2.01), false],
    [side(0.6, -2), side(0.6, 0.5), true],
    [side(0.6, 0), side(0.6, -0.01), false],
    // Not trading is better than losing, and worse than earning.
    [side(0.6, -2), side(0.6, null), true],
    [side(0.6, 2), side(0.6, null), false],
    [side(0.6, null), side(0.6, 0.05), true],
    [side(0.6, null), side(0.6, -0.05), false],
    // Where one side has no trades, those that nobody would publish do not count.
    [side(0.6, null), side(0.6, -5, 'v2', null), true],
    [side(0.6, null), side(0.6, -5, 'v2', 0.1), true],
    [side(0.6, 2, 'v1', null), side(0.6, null), true],
    [side(0.6, null), side(0.55, -5, 'v2', null), false],
    // An AUC that cannot be computed is no AUC.
    [side(null, null), side(0.5, null), true],
    [side(0.6, null), side(null, null), false],
    [side(0.001, 1), side(null, 1), false],
  ])('of %j and %j: adopted %s', (champion, challenger, adopted) => {
    expect(isAdopted(champion, challenger)).toBe(adopted);
  });

  it('without trades on both sides refuses a Brier score that is worse beyond chance', () => {
    const decide = (loss: BrierLoss): boolean => isAdopted(side(0.6, null), side(0.6, null), { loss });
    expect(decide({ mean: 0.001, chance: 0.001 })).toBe(true);
    expect(decide({ mean: 0.0011, chance: 0.001 })).toBe(false);
    expect(decide({ mean: -0.01, chance: 0.001 })).toBe(true);
    expect(decide({ mean: 0.5, chance: Infinity })).toBe(true);
    expect(decide({ mean: null, chance: Infinity })).toBe(true);
    // With trades, the ratio decides, as specified.
    expect(isAdopted(side(0.6, 1), side(0.6, 1), { loss: { mean: 0.5, chance: 0.001 } })).toBe(true);
  });

  it('demands a gain, and a smaller loss of AUC, where the policy says so, except without trades', () => {
    const decide = (champion: Compared, challenger: Compared): boolean =>
      isAdopted(champion, challenger, { limits: strict });
    expect(decide(side(0.6, 1), side(0.5951, 1.05))).toBe(true);
    expect(decide(side(0.6, 1), side(0.6, 1.049))).toBe(false);
    expect(decide(side(0.6, 1), side(0.595, 2))).toBe(false);
    expect(decide(side(0.6, -2), side(0.6, -1.96))).toBe(false);
    expect(decide(side(0.6, null), side(0.6, null))).toBe(true);
    const free = { ...delivered, adopt_min_sharpe_ratio: null };
    expect(isAdopted(side(0.6, 9), side(0.6, -9), { limits: free })).toBe(true);
    expect(isAdopted(side(0.6, 9), side(0.6, 9), { limits: { ...free, adopt_min_sharpe_gain: 0.05 } })).toBe(false);
  });
});
