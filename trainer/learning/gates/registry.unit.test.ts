import { describe, expect, it } from 'vitest';
import {
  EXPECTED_OF_PAIRS,
  gateKey,
  PAIR_GATES,
  ADOPTION_GATES as ADOPTION_ROLES,
} from '../../../shared/bundle/gates/gate_codes.ts';
import { stepAfter } from '../../../shared/bundle/gates/gate_steps.ts';
import { isExplained, keyOf, type GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { verdict } from '../../../test/passed_gates.ts';
import { writtenGate } from '../../../test/written_gate.ts';
import type { Compared } from './gate.ts';
import { BUNDLE_GATES, checkAdoption, checkTraining, COMPARISON_GATES, GATES, MODEL_GATES } from './registry.ts';
import type { BundleEvidence, Comparison } from './gate.ts';

const golden = verdict({ code: 'golden_vectors' });
const side = (version: string, auc: number): Compared => ({
  version,
  scores: { auc, brier: 0.23 },
  all: { net_sharpe: 1, trades: 50 },
  withEdge: { net_sharpe: 1, trades: 50 },
});
const limits = {
  adopt_min_auc: 0.52,
  adopt_min_candidates: 50,
  adopt_min_sharpe_ratio: 0.9,
  adopt_min_sharpe_gain: null,
  adopt_max_auc_loss: 0.02,
};
const brierLoss = { mean: 0.1, chance: 0.01 };
describe('the list of gates', () => {
  it('has the codes that are registered, each once', () => {
    const codes = GATES.map(({ code }) => code);
    // The adoption itself knows whether another rollout is active.
    const registered = Object.keys({ ...PAIR_GATES, ...ADOPTION_ROLES }).filter((code) => code !== 'rollout');
    expect(codes.toSorted()).toEqual(registered.toSorted());
    expect(GATES).toHaveLength(BUNDLE_GATES.length + MODEL_GATES.length + COMPARISON_GATES.length);
  });

  it('describes in a sentence what every gate vetoes, and the next step', () => {
    for (const { code, vetoes } of GATES)
      for (const text of [vetoes, stepAfter(code, null)]) expect(text).toMatch(/^[A-Z].*\.$/);
  });

  it('refuses to continue without the result of a leakage test', () => {
    const { check } = BUNDLE_GATES.find(({ code }) => code === 'label_ends')!;
    const other = verdict({ code: 'label_ends', role: 'ai1' });
    expect(() => check({ leakage: [other] } as never, 'ai2')).toThrow('no result of the leakage test ai2.label_ends');
  });
});

describe.each([null, 'direction'] as const)('checkAdoption of the role %s', (role) => {
  const own = (gate: GateResult): GateResult => ({ ...gate, role });
  const keyed = (code: string): string => gateKey({ code, role });
  const named = (name: string): string => (role === null ? name : `${role} ${name}`);
  const namesOf = (comparison: Comparison | null): string[] =>
    checkAdoption({ role, golden, limits, comparison }).map(keyOf);

  it('compares nothing with a bundle that does not load', () => {
    expect(namesOf(null)).toEqual([keyed('golden_vectors')]);
  });

  it('has one result where there is no champion or too little to compare, and two where both were compared', () => {
    const refusal = verdict({ code: 'champion', passed: false, value: 3, limit: 50, unit: 'count' });
    expect(checkAdoption({ role, golden, limits, comparison: { kind: 'refused', result: refusal } })).toEqual([
      own(golden),
      own(refusal),
    ]);
    const alone: Comparison = { kind: 'none', evidence: { reason: 'none' } };
    expect(checkAdoption({ role, golden, limits, comparison: alone }).slice(1).map(writtenGate)).toEqual([
      { name: named('champion'), passed: true, seen: 'there is none', limit: 'none to compare with' },
    ]);
    const compared = { champion: side('v1', 0.6), challenger: side('v2', 0.5), brierLoss, since: '2024-01-02T00:00Z' };
    const [, rank, sharpe] = checkAdoption({ role, golden, limits, comparison: { kind: 'compared', ...compared } });
    expect(rank).toMatchObject({ code: 'champion_auc', passed: false, evidence: { since: '2024-01-02T00:00Z' } });
    expect(sharpe).toMatchObject({ code: 'champion_net_sharpe', passed: true });
    expect([rank!, sharpe!].map(isExplained)).toEqual([true, true]);
  });

  it('checks the Brier score in place of the Sharpe ratio where neither side trades', () => {
    const silent = { net_sharpe: null, trades: 0 };
    const comparison = {
      kind: 'compared' as const,
      champion: { ...side('v1', 0.6), all: silent, withEdge: silent },
      challenger: { ...side('v2', 0.6), all: silent, withEdge: silent },
      brierLoss,
      since: '2024-01-02T00:00Z',
    };
    expect(checkAdoption({ role, golden, limits, comparison }).map((gate) => `${keyOf(gate)} ${gate.passed}`)).toEqual([
      `${keyed('golden_vectors')} true`,
      `${keyed('champion_auc')} true`,
      `${keyed('champion_brier')} false`,
      `${keyed('champion_net_sharpe')} true`,
    ]);
  });
});

describe('checkTraining', () => {
  const TESTS = ['fold_borders', 'fitted_on_training_rows_only', 'shuffled_labels', 'shuffled_labels_refused'] as const;
  /** A run of a leakage test, known by its value. */
  const run = (code: GateResult['code'], role: GateResult['role'], value: number): GateResult =>
    verdict({ code, role, value, limit: 0, unit: 'count', evidence: { was_run: gateKey({ code, role }) } });
  const leakageOf = (role: 'ai1' | 'ai2' | 'ai3'): GateResult[] => TESTS.map((code, i) => run(code, role, i));
  /** A model that ranks its four rows correctly; every metric differs from model to model. */
  const modelOf = (name: 'ai1' | 'ai2' | 'ai3', index: number): object => ({
    job: {
      name,
      samples: 100 + index,
      rows: {
        holdout: {
          y: Float64Array.of(0, 0, 1, 1),
          time: Float64Array.of(0, 60, 120, 180),
          // All labels end in the same minutes, so the effective number of rows is below four.
          labelEnd: Float64Array.of(180, 180, 180, 240),
          pair: Int32Array.of(0, 0, 0, 0),
        },
      },
    },
    validation: {
      rate: 0.5,
      holdoutScores: Float64Array.of(0.1, 0.2, 0.8, 0.9),
      pairs: ['A_B'],
      report: {
        holdout: {
          pooled: { auc: 0.6 + index / 100, brier: 0.2 + index / 100, brier_baseline: 0.25 },
          predictions: { std: index, variance_24h: { last: null }, variance_24h_by_pair: {} },
        },
      },
    },
    leakage: leakageOf(name),
  });
  const evidence = {
    models: { ai1: modelOf('ai1', 1), ai2: modelOf('ai2', 2), ai3: modelOf('ai3', 3) },
    candidateRisks: Float64Array.of(0.1, 0.9),
    candidates: { time: [0, 60], labelEnd: [60, 120] },
    theta2: 0.5,
    leakage: [
      run('features_look_ahead', null, 1),
      ...(['ai1', 'ai2', 'ai3'] as const).map((role) => run('label_ends', role, 2)),
    ],
    outsideColumns: ['mine'],
    executability: {
      edge_pairs: { trades: 7, net_bps: 2, narrow_net_bps: 0.9, delayed_net_bps: { after_1: 1.2 } },
      all_pairs: { trades: 9, net_bps: 3, narrow_net_bps: 1.6, delayed_net_bps: { after_1: 1.4 } },
    },
    edge: { A_B: { no_edge: false, mean_net_bps: 4 }, C_D: { no_edge: true, mean_net_bps: 2 } },
    skill: { auc: 0.62, placebo_auc: 0.61, skill: 0.01, standard_error: 0.002, lower_95: 0.0067, days: 40, draws: 4 },
    delayed: { columns: ['corr'], edge: { A_B: { no_edge: true, mean_net_bps: 1.5 } } },
    requireEdge: true,
    limits: {
      ...limits,
      executable_share_min: 0.5,
      pass_rate_range: [0.2, 0.6],
      quality_min_samples: 102,
      quality_f1_floor: 0.6,
      quality_f1_gates: ['ai2'],
    },
  } as unknown as BundleEvidence;

  it('checks the trades of all pairs where those without an edge would trade too', () => {
    const seenOf = (changes: object): string[] =>
      checkTraining({ ...evidence, ...changes })
        .map(writtenGate)
        .filter(({ name }) => name.startsWith('executable'))
        .map(({ passed, seen }) => `${passed} ${seen}`);
    expect(seenOf({ requireEdge: false })).toEqual([
      'true 1.60 of 3.00 bps per trade, 9 trades',
      'false 1.40 of 3.00 bps per trade, 9 trades',
    ]);
    const lost = { trades: 9, net_bps: -0.5, narrow_net_bps: -1, delayed_net_bps: { after_1: -2 } };
    const nothing = 'true -0.50 bps per trade: no net result to lose';
    const executability = { ...evidence.executability, all_pairs: lost };
    expect(seenOf({ requireEdge: false, executability })).toEqual([nothing, nothing]);
  });

  it('checks each gate with the figures of its own model, in the order of the list', () => {
    const results = checkTraining(evidence);
    const wasRun = (gate: GateResult): boolean => 'was_run' in gate.evidence;
    expect(
      results
        .filter((gate) => !wasRun(gate))
        .map(writtenGate)
        .map(({ name, passed, seen }) => `${name}: ${passed} ${seen}`),
    ).toEqual([
      'ai1 auc: true 0.6100',
      'ai1 brier: true 0.0250',
      'risk pass rate: true 50.0 % of 2 candidates',
      'executable outside wide minutes: false 0.90 of 2.00 bps per trade, 7 trades',
      'executable one minute later: true 1.20 of 2.00 bps per trade, 7 trades',
      'ai1 skill: true 0.620 − 0.610 = 0.010 ± 0.002, at least 0.007 at 95 %; an edge of A_B',
      'edge with columns one bar later: false gone: A_B 4.00 → 1.50 bps; corr',
      'ai1 auc plausible: true 0.6100',
      'ai2 auc plausible: true 0.6200',
      'served columns: false mine: of the table, and the daemon computes other values',
      ...(['ai1', 'ai2', 'ai3'] as const).flatMap((name, i) => [
        ...(name === 'ai3'
          ? []
          : [
              `${name} samples: ${i === 1} ${101 + i}`,
              `${name} f1: true 1.0000, 1.0000 with balanced classes`,
              `${name} f1 above chance: false 1.0000, 1.0000 with balanced classes`,
              `${name} auc above noise: false 1.0000`,
            ]),
        `${name} prediction dispersion: true variance ${((i + 1) ** 2).toExponential(2)}; in the last 24 h none`,
      ]),
    ]);
    expect(results.filter(wasRun).map((gate) => [keyOf(gate), gate.evidence['was_run']])).toEqual(
      results.filter(wasRun).map((gate) => [keyOf(gate), keyOf(gate)]),
    );
    expect(results.filter((gate) => !isExplained(gate))).toEqual([]);
  });

  it('has the gates that admission expects a verdict of', () => {
    // That of columns of a table has a verdict only where there are some.
    expect(
      checkTraining({ ...evidence, outsideColumns: [] })
        .map(keyOf)
        .toSorted(),
    ).toEqual(EXPECTED_OF_PAIRS.map(gateKey).toSorted());
  });

  it('reads its limits from the policy', () => {
    const limitOf = (wanted: string): string =>
      checkTraining(evidence)
        .map(writtenGate)
        .find(({ name }) => name === wanted)!.limit;
    expect(limitOf('ai1 samples')).toBe('at least 102');
    expect(limitOf('ai1 f1')).toBe('no limit in the policy');
    expect(limitOf('ai2 f1')).toBe('at least 0.6');
    expect(limitOf('risk pass rate')).toMatch(/^from 20\.0 % to 60\.0 % of the holdout's, beyond an error of /);
  });
});
