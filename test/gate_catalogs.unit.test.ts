import { describe, expect, it } from 'vitest';
import { checkAuc } from '../trainer/learning/gates/auc.ts';
import { checkBrier } from '../trainer/learning/gates/brier.ts';
import {
  checkCandidates,
  checkChampionAuc,
  checkChampionBrier,
  checkChampionSharpe,
} from '../trainer/learning/gates/champion.ts';
import { checkExecutable } from '../trainer/learning/gates/executable.ts';
import { checkPassRate } from '../trainer/learning/gates/risk_pass_rate.ts';
import type { Compared } from '../trainer/learning/gates/gate.ts';
import { checkAdoption } from '../trainer/learning/gates/registry.ts';
import type { AdoptionEvidence } from '../trainer/learning/gates/gate.ts';
import { checkDelayed } from '../trainer/learning/gates/edge_with_columns_one_bar_later.ts';
import { checkPlausible } from '../trainer/learning/gates/auc_plausible.ts';
import { checkSkill } from '../trainer/learning/gates/skill.ts';
import { checkFoldBorders } from '../trainer/learning/validate/leakage/fold_borders.ts';
import { checkPredictionDispersion } from '../trainer/learning/gates/prediction_dispersion.ts';
import { dispersionOfPredictions } from '../trainer/learning/validate/prediction_dispersion.ts';
import { checkQuality } from '../trainer/learning/validate/quality_gate.ts';
import {
  ADOPTION_GATES,
  EXPECTED_OF_DIRECTION,
  EXPECTED_OF_PAIRS,
  type AdoptionGateCode,
} from '../shared/bundle/gates/gate_codes.ts';
import { isExplained, keyOf, type Evidence, type GateResult } from '../shared/bundle/gates/gate_result.ts';
import { gateResultSchema } from '../shared/bundle/gates/gate_schema.ts';
import { gateReason, gateText } from '../shared/bundle/gates/gate_text.ts';
import type { BiasLimits } from '../trainer/learning/strategies/direction/gates/bias_limits.ts';
import { DELIVERED_BIAS_LIMITS } from '../trainer/learning/strategies/direction/gates/bias_limits.fixture.ts';
import { directionGates } from '../trainer/learning/strategies/direction/gates/registry.ts';
import type { DirectionEvidence } from '../trainer/learning/strategies/direction/gates/direction_gate.ts';
import { verdict } from './passed_gates.ts';

const ADOPTION_IDENTITIES = (Object.keys(ADOPTION_GATES) as AdoptionGateCode[]).map((code) => ({ code, role: null }));

const side = (version: string, auc: number | null, sharpe: number | null = auc): Compared => ({
  version,
  scores: { auc, brier: auc },
  all: { net_sharpe: sharpe, trades: 50 },
  withEdge: { net_sharpe: sharpe, trades: 50 },
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
const adoption = (comparison: AdoptionEvidence['comparison'], role: AdoptionEvidence['role'] = null): GateResult[] =>
  checkAdoption({
    role,
    golden: verdict({
      code: 'golden_vectors',
      value: null,
      relation: null,
      limit: null,
      evidence: { rows: 4, tolerance: 1e-5 },
    }),
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
    checkPlausible('ai1', 0.6, [{ id: 'A_B', auc: 0.95, positives: 400, negatives: 600 }])!,
  ];
}

function executableResults(): GateResult[] {
  const of = (trades: number, net_bps: number | null) => ({
    trades,
    net_bps,
    narrow_net_bps: 1,
    delayed_net_bps: { after_1: 1, after_5: 1 },
  });
  const gates = [
    ['executable_one_minute_later', 'after_1'],
    ['executable_outside_wide_minutes', 'narrow_net_bps'],
  ] as const;
  return [of(0, null), of(5, -1), of(5, 2)].flatMap((own) =>
    gates.map(([code, left]) => checkExecutable(code, own as never, left, { executable_share_min: 0.5 })),
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

const verdicts = (code: GateResult['code'], role: GateResult['role'], ...all: Evidence[]): GateResult[] =>
  all.map((evidence) => verdict({ code, role, passed: false, value: 3, limit: 0, unit: 'count', evidence }));
const place = { first_pair: 'EURUSD_GBPUSD', first_time: '2024-01-02T10:00Z', sampled: 100, warm_up_bars: 480 };
const shuffled = { error: 0.0327, block_rows: 60, independent_rows: 2816, rows: 33_680 };
const fit = { split: 'kfold 3', other_rows: 3084, before: 'edf397dc0a92' };

/** Of tests that fit models, and of other processes. */
const FITTED: readonly GateResult[] = [
  ...verdicts(
    'features_look_ahead',
    null,
    { sampled: 100, warm_up_bars: 480 },
    { ...place, first_columns: ['beta', 'corr'] },
    { ...place, first_warm_bars: 2 },
  ),
  ...verdicts('features_look_ahead', null, { sampled: 100, warm_up_bars: 480, not_recomputed: ['corr'] }),
  ...verdicts('served_columns', null, { columns: ['corr'] }),
  ...verdicts(
    'label_ends',
    'ai2',
    { sampled: 100 },
    { ...place, label: 1, bars: 5 },
    { ...place, label: 1, bars: 5, again_label: 0, again_bars: 7 },
  ),
  ...verdicts('fitted_on_training_rows_only', 'ai1', { ...fit, after: fit.before }, { ...fit, after: '2e82ec903662' }),
  verdict({ code: 'shuffled_labels', role: 'ai3', value: 0.5334, limit: 0.5327, evidence: shuffled }),
  verdict({ code: 'shuffled_labels', role: 'ai1', value: null, evidence: shuffled }),
  ...verdicts(
    'shuffled_labels_refused',
    'ai1',
    { refused_by: ['f1_above_chance', 'auc_above_noise'] },
    { refused_by: [] },
  ),
  ...verdicts('rollout', null, {}, { active: '20240101T000000' }),
];

const NO_LIMITS = Object.fromEntries(
  Object.keys(DELIVERED_BIAS_LIMITS).map((name) => [name, null]),
) as unknown as BiasLimits;

function directionResults(): GateResult[] {
  const evidence: DirectionEvidence = {
    bias: {
      overall_balance: 0.7,
      prediction_min: 0.05,
      prediction_max: null,
      outcome: { rows: 9, predicted: 0.7, observed: 0.5, p_value: 0.001 },
      biased: [
        'prediction mean',
        'prediction minimum',
        'prediction maximum',
        'outcome',
        'buy ratio',
        'buy ratio by hour',
        'bull market',
        'bear market',
        'variance 24 hours',
      ],
      largest_variance_24h: 0.2,
      buy_sell_ratio: 0.8,
      bull_market_buy_ratio: 0.9,
      bear_market_sell_ratio: null,
    },
    upOrDown: { auc: 0.7, standard_error: 0.01, days: 200 },
    series: [{ series: 'open_interest' }, { series: 'volume' }] as unknown as DirectionEvidence['series'],
    column: { name: 'corr', auc: 0.6 },
    delayed: { net_bps: 20, delayed_net_bps: 9.9, delayed_trades: 40 },
    hasEdge: true,
    f1: { f1: 0.5, f1_by_class: [0.5, 0.5, 0.5], f1_chance: 0.333, f1_gain_lower: 0.1 },
    f1Floor: 0.6,
    biasLimits: DELIVERED_BIAS_LIMITS,
  };
  const bias = { ...evidence.bias, biased: [] };
  return [
    ...directionGates(evidence),
    ...directionGates({
      ...evidence,
      bias,
      upOrDown: null,
      series: [],
      column: null,
      delayed: null,
      f1Floor: null,
      biasLimits: NO_LIMITS,
    }),
    ...directionGates({ ...evidence, hasEdge: false }),
  ];
}

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
    ...(['live', 'simulated'] as const).flatMap((market) =>
      adoption({ kind: 'none', evidence: { reason: 'other_market', version: '20240101_0300', market } }),
    ),
    ...adoption({ kind: 'none', evidence: { reason: 'none' } }),
    ...adoption({ kind: 'none', evidence: { reason: 'none' } }, 'direction'),
    ...directionResults(),
    ...FITTED,
  ];
}

/** English words, except names of pairs, features, splits, series and the metric's. */
const ENGLISH = /\b(?!kfold|beta|corr|onnxruntime|bp\b|open_interest|volume)[a-z]{2,}\b/;
const JAPANESE = /[\u3040-\u30ff\u4e00-\u9fff]/;
/** Figures of a text: an order of words is a language's own. */
const figures = (text: string): string[] => (text.match(/\d[\d.e-]*/g) ?? []).toSorted();

describe('the texts about gates', () => {
  const everyGate = [...EXPECTED_OF_PAIRS, ...EXPECTED_OF_DIRECTION, ...ADOPTION_IDENTITIES];
  const all = results();

  it('exist for every gate of the list, in each language', () => {
    expect(everyGate.length).toBeGreaterThan(45);
    for (const identity of everyGate) {
      const gate = verdict(identity as GateResult);
      expect(gateText(gate, 'ja').name).not.toMatch(ENGLISH);
      expect(gateText(gate, 'en').name).not.toMatch(JAPANESE);
    }
    expect(gateText(verdict({ code: 'auc', role: 'ai1' }), 'ja').name).toBe('AI1 AUC');
  });

  it('are tried here for every gate', () => {
    const tried = new Set(all.map(({ code }) => code));
    expect(everyGate.map(({ code }) => code).filter((code) => !tried.has(code as GateResult['code']))).toEqual([]);
  });

  it('have no word of another language, and the same figures in each', () => {
    const texts = all.map((gate) => ({ en: gateText(gate, 'en'), ja: gateText(gate, 'ja') }));
    for (const part of ['seen', 'limit'] as const) {
      expect(texts.map(({ ja }) => ja[part]).filter((text) => ENGLISH.test(text))).toEqual([]);
      expect(texts.map(({ en }) => en[part]).filter((text) => JAPANESE.test(text))).toEqual([]);
      for (const { en, ja } of texts) expect(figures(ja[part]), en[part]).toEqual(figures(en[part]));
    }
    const reasons = all.map((gate) => gateReason(gate, 'ja'));
    expect(reasons.filter((text) => ENGLISH.test(text))).toEqual([]);
  });

  it('explain each verdict by value, relation and limit', () => {
    expect(all.filter((gate) => !FITTED.includes(gate) && !isExplained(gate))).toEqual([]);
  });

  it('survive JSON, in which manifests, pointers and answers have them', () => {
    for (const gate of all) expect(gateResultSchema.parse(JSON.parse(JSON.stringify(gate)))).toEqual(gate);
  });

  it('say of whom a verdict is, and of what there is none', () => {
    const failed = { ...verdict({ code: 'brier', role: 'ai1', value: 0.3 }), group: 'metals' };
    expect(gateText(failed).name).toBe('group metals: ai1 brier');
    const missing = verdict({ code: 'skill', role: 'ai1', value: null, evidence: { reason: 'no_verdict' } });
    expect(gateReason(missing)).toBe('ai1 skill no recorded verdict (passed)');
    expect(gateReason(missing, 'ja')).toBe('AI1 プラセボを上回るスキル: 判定の記録なし、基準 合格');
  });

  it('leave the English of an earlier version, and codes of a later one, as they are', () => {
    const written = { name: 'ai1 brier', passed: false, seen: '0.3', limit: 'below 0.25, that of the baseline' };
    expect(gateText(written, 'ja')).toEqual({ name: written.name, seen: written.seen, limit: written.limit });
    expect(gateReason(written)).toBe('ai1 brier 0.3 (below 0.25, that of the baseline)');
    expect(keyOf(written)).toBe('ai1.brier');
    const later = { ...verdict({ role: 'ai2', value: 0.5, unit: 'share' }), code: 'of_tomorrow' };
    expect(gateText(later)).toEqual({ name: 'ai2 of_tomorrow', seen: '50.0 %', limit: 'at least 52.0 %' });
  });
});
