import { describe, expect, it } from 'vitest';
import {
  checkAuc,
  checkBrier,
  checkCandidates,
  checkChampionAuc,
  checkChampionBrier,
  checkChampionSharpe,
  checkExecutable,
  checkPassRate,
  type Compared,
  type GateResult,
} from '../trainer/learning/criteria/criteria.ts';
import { checkAdoption, GATES, type AdoptionEvidence } from '../trainer/learning/gate/gates.ts';
import { checkDelayed, checkPlausible, checkSkill } from '../trainer/learning/gate/honesty.ts';
import { reasonsOf } from '../shared/bundle/recorded_gates.ts';
import { checkFoldBorders } from '../trainer/learning/validate/leakage/fold_borders.ts';
import {
  checkPredictionDispersion,
  dispersionOfPredictions,
} from '../trainer/learning/validate/prediction_dispersion.ts';
import { checkQuality } from '../trainer/learning/validate/quality_gate.ts';
import { figureInJapanese, gateInJapanese, rejectionInJapanese } from '../dashboard/src/text/gate_ja.ts';

const side = (version: string, auc: number | null, sharpe: number | null = auc): Compared => ({
  version,
  models: { ai1: { auc, brier: auc } },
  all_pairs: { total: { net_sharpe: sharpe, trades: 50 } },
  edge_pairs: { total: { net_sharpe: sharpe, trades: 50 } },
});
const limits = {
  adopt_min_auc: 0.52,
  adopt_min_candidates: 50,
  adopt_min_sharpe_ratio: 0.9,
  adopt_min_sharpe_gain: 0.05,
  adopt_max_auc_loss: 0.02,
};
const unlimited = { ...limits, adopt_min_sharpe_ratio: null, adopt_min_sharpe_gain: null };
const brierLoss = { mean: 0.1, chance: 0.01 };
const adoption = (comparison: AdoptionEvidence['comparison']): GateResult[] =>
  checkAdoption({
    golden: {
      name: 'golden vectors',
      passed: true,
      seen: '4 rows in each of three models',
      limit: 'onnxruntime answers within 1e-5 of the learner',
    },
    comparison,
    limits,
  });

function honestyResults(): GateResult[] {
  const edge = (mean_net_bps: number, no_edge = false) =>
    ({ no_edge, trades: 50, mean_net_bps, mean_gross_bps: 9, lower_5_net_bps: 1 }) as const;
  const claims = { EURUSD_GBPUSD: edge(3) };
  const skill = {
    auc: 0.62,
    placebo_auc: 0.61,
    skill: 0.01,
    standard_error: 0.004,
    lower_95: 0.003,
    draws: 4,
    days: 9,
  };
  const delayed = (later: number) => ({ columns: ['corr'], edge: { EURUSD_GBPUSD: edge(later) } });
  return [
    ...[skill, { ...skill, standard_error: null, lower_95: null }, null].flatMap((own) => [
      checkSkill(own, claims),
      checkSkill(own, {}),
    ]),
    checkDelayed(claims, null),
    checkDelayed({}, delayed(1)),
    checkDelayed(claims, delayed(2)),
    checkDelayed(claims, delayed(-2)),
    checkPlausible('ai1', 0.9)!,
  ];
}

function executableResults(): GateResult[] {
  const of = (trades: number, net_bps: number | null) => ({
    trades,
    net_bps,
    narrow_net_bps: 1,
    delayed_net_bps: { after_1: 1, after_5: 1 },
  });
  return [of(0, null), of(5, -1), of(5, 2)].map((own) =>
    checkExecutable('executable one minute later', own as never, 'after_1', { executable_share_min: 0.5 }),
  );
}

function dispersionResults(): GateResult[] {
  const time = Float64Array.of(0, 60, 120);
  const pair = Int32Array.of(0, 0, 0);
  return [Float64Array.of(1, 1, 1), Float64Array.of(0, 0.5, 1), new Float64Array()].map((scores) =>
    checkPredictionDispersion(
      dispersionOfPredictions(time.subarray(0, scores.length), scores, pair.subarray(0, scores.length), [
        'EURUSD_GBPUSD',
      ]),
    ),
  );
}

function borderResults(): GateResult[] {
  const rows = { time: Float64Array.of(0, 60, 120), labelEnd: Float64Array.of(60, 120, 180) };
  const split = (name: string, train: number[], test: number[]) => ({
    name,
    train: Int32Array.from(train),
    test: Int32Array.from(test),
    from: 0,
    until: 1,
  });
  const near = split('kfold 1', [0], [1]);
  const other = split('kfold 2', [2], [1]);
  const far = split('kfold 1', [0], [2]);
  return [[near], [near, other], [far]].map((splits) => checkFoldBorders(rows as never, splits as never, 30));
}

/** Of tests that fit models: the figures and limits that they write. */
const FITTED: readonly (readonly [string, string, string])[] = [
  [
    'features look-ahead',
    '100 sampled bars equal to the bit',
    'features from the 480 minutes up to a bar equal those of the long run',
  ],
  ['features look-ahead', '3 of 100 sampled bars differ, first EURUSD_GBPUSD 2024-01-02T10:00Z: beta, corr', 'none'],
  [
    'features look-ahead',
    '3 of 100 sampled bars differ, first EURUSD_GBPUSD has 0 warm bars at 2024-01-02T10:00Z',
    '1',
  ],
  ['ai1 label ends', '100 sampled labels the same', 'a label needs no bar after the one at which it was known'],
  [
    'ai2 label ends',
    '2 of 100 sampled labels differ, first EURUSD_GBPUSD 2024-01-02T10:00Z: 1 after 5 bars became none',
    '1',
  ],
  [
    'ai1 label ends',
    '2 of 9 sampled labels differ, first A_B 2024-01-02T10:00Z: 1 after 5 bars became 0 after 7 bars',
    '1',
  ],
  [
    'ai1 fitted on training rows only',
    'model edf397dc0a92 of kfold 3 whatever its other 3084 rows hold',
    'the same bytes',
  ],
  [
    'ai1 fitted on training rows only',
    'model edf397dc0a92 of kfold 3 became 2e82ec903662 when its other 9 rows changed',
    '1',
  ],
  [
    'ai3 shuffled labels',
    'AUC 0.5334 out of fold, labels shuffled in blocks of 60 rows',
    '0.5 ± 0.0327, the error with 2816 independent rows of 33680',
  ],
  ['ai1 shuffled labels', 'AUC none out of fold, labels shuffled in blocks of 60 rows', '1'],
  [
    'ai1 shuffled labels refused',
    'refused by f1 above chance, auc above noise',
    'the gate refuses a model of shuffled labels',
  ],
  ['ai1 shuffled labels refused', 'the gate let it in', '1'],
];

const spread = (rows: number): number[] => Array.from({ length: rows }, (_, i) => ((i * 7) % 10) / 10);

function timedRows(rows: number) {
  const time = Array.from({ length: rows }, (_, i) => 60 * i);
  return { time, labelEnd: time.map((at) => at + 60), uniqueness: time.map(() => 1) };
}

function results(): GateResult[] {
  const quality = { samples: 9, scores: [0.1, 0.9, 0.4, 0.8], labels: [0, 1, 0, 1], rate: 0.5, ...timedRows(4) };
  const timed = timedRows(2);
  const many = { ...quality, scores: spread(40), labels: spread(40).map((p) => (p > 0.4 ? 1 : 0)), ...timedRows(40) };
  const since = '2024-01-02T00:00Z';
  const champion = side('20240101_0300', 0.6);
  const challenger = side('20240201_0300', null);
  const silent = side('20240301_0300', 0.6, null);
  return [
    checkAuc({ auc: null }, 0.52),
    ...honestyResults(),
    checkBrier([0.2, 0.8], [0, 1], timed),
    checkBrier([], [], { time: [], labelEnd: [] }),
    checkPassRate(Float64Array.of(0.1, 0.2), 0.3, [0.05, 0.4], timed),
    ...executableResults(),
    ...dispersionResults(),
    ...borderResults(),
    ...checkQuality(quality, { min_samples: 10, f1_floor: 0.6 }),
    ...checkQuality(many, { min_samples: 10, f1_floor: null }),
    checkCandidates([], 0 as never, '20240101_0300', limits)!,
    checkChampionAuc(champion, challenger, limits),
    checkChampionSharpe(champion, challenger, limits),
    checkChampionSharpe(champion, champion, limits),
    checkChampionSharpe(champion, champion, unlimited),
    ...[brierLoss, { mean: null, chance: Infinity }].map((loss) => checkChampionBrier(silent, silent, loss)!),
    ...[challenger, silent].flatMap((young) =>
      adoption({
        kind: 'compared',
        champion: young === silent ? silent : champion,
        challenger: young,
        brierLoss,
        since,
      }),
    ),
    ...adoption({ kind: 'none', reason: 'there is none' }),
    ...adoption({ kind: 'none', reason: '20240101_0300 was trained on a simulated market' }),
    ...FITTED.map(([name, seen, limit]) => ({ name, passed: false, seen, limit })),
  ];
}

/** English words, except names of pairs, features, splits and the metric's. */
const ENGLISH = /\b(?!kfold|beta|corr|onnxruntime|bp\b)[a-z]{2,}\b/;

describe('gates on Japanese pages', () => {
  it('have a name for each gate of the list', () => {
    const names = GATES.flatMap(({ name, models }) => models?.map((model) => `${model} ${name}`) ?? [name]);
    expect(names.length).toBeGreaterThan(25);
    expect(names.filter((name) => ENGLISH.test(gateInJapanese(name)))).toEqual([]);
    expect(gateInJapanese('ai1 auc')).toBe('AI1 AUC');
    expect(gateInJapanese('a gate of another version')).toBe('a gate of another version');
  });

  it('have figures, limits and reasons of rejections without an English word', () => {
    const texts = results().flatMap(({ seen, limit }) => [seen, limit]);
    expect(texts.filter((text) => ENGLISH.test(figureInJapanese(text) ?? text))).toEqual([]);
    const reasons = reasonsOf(results().map((result) => ({ ...result, passed: false })));
    expect(reasons.filter((text) => ENGLISH.test(rejectionInJapanese(text) ?? text))).toEqual([]);
  });

  it('keep the figures of the text', () => {
    expect(figureInJapanese('43.6 % of 2697 candidates')).toBe('候補 2697 件の 43.6 %');
    expect(figureInJapanese('18.07 of 86 trades against 18.33 of 57 of 20261122_1241 since 2024-01-17T23:40Z')).toBe(
      '18.07（86 取引）、20261122_1241 は 18.33（57 取引）（2024-01-17T23:40Z 以降）',
    );
    expect(rejectionInJapanese('ai1 f1 above chance none (too few hours to tell a difference from chance)')).toBe(
      'AI1 偶然を上回る F1: なし、基準 差を偶然と区別できる時間が不足',
    );
  });

  it('leave a text of another version as it is', () => {
    expect(figureInJapanese('a figure nobody knows')).toBeNull();
    expect(rejectionInJapanese('a reason nobody knows')).toBeNull();
  });
});
