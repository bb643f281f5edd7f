import { expect, it } from 'vitest';
import { EXPECTED_OF_PAIRS } from './gates/gate_codes.ts';
import type { GateResult } from './gates/gate_result.ts';
import {
  claimsText,
  failedClaim,
  failuresOf,
  gatesText,
  hasPassed,
  reasonsOf,
  recordedDirectionGates,
  recordedGates,
  servingFailures,
} from './recorded_gates.ts';

function gateOf(passed: boolean, value: number | null, change: Partial<GateResult> = {}): GateResult {
  const gate = { code: 'auc', role: 'ai1', passed, value, relation: '>=', limit: 0.52, unit: 'score' } as const;
  return { ...gate, evidence: {}, ...change };
}

it('counts a verdict as failed that says passed and whose own value misses its limit', () => {
  for (const gate of [gateOf(true, 0.41), gateOf(true, null), gateOf(true, 3, { relation: '<', limit: 2 })]) {
    expect(hasPassed(gate)).toBe(false);
    expect(failuresOf([gate])).toEqual([expect.objectContaining({ value: gate.value, limit: gate.limit })]);
    expect(reasonsOf([gate])).toHaveLength(1);
  }
  expect(gatesText(failuresOf([gateOf(true, 0.41)]))).toBe('ai1 auc: seen 0.4100, limit at least 0.52 on the holdout');
});

it('counts a verdict as failed that says passed without the limit that its gate needs', () => {
  const open = [{ relation: null, limit: null }, { relation: null }, { limit: null }];
  for (const code of ['auc', 'samples', 'shuffled_labels', 'label_ends', 'bias'] as const)
    for (const change of open) expect([code, hasPassed(gateOf(true, 0.3, { code, ...change }))]).toEqual([code, false]);
  expect(reasonsOf([gateOf(true, 0.3, open[0])])).toHaveLength(1);
});

it('counts a verdict on the skill as failed that judged no edge, in a bundle that claims one', () => {
  const idle = gateOf(true, -0.05, { code: 'skill', relation: null, limit: null });
  const judged = gateOf(true, 0.02, { code: 'skill', relation: '>', limit: 0 });
  const figures = { trades: 0, wins: 0, mean_gross_bps: null, mean_net_bps: null, lower_5_net_bps: null };
  const edgeOf = (no_edge: boolean) => ({ EURUSD_GBPUSD: { ...figures, no_edge } });
  const failedOf = (gates: GateResult[], no_edge: boolean) => recordedGates({ gates, edge: edgeOf(no_edge) }).failed;
  expect(failedOf([idle], false)).toMatchObject([{ code: 'skill', role: 'ai1', value: -0.05 }]);
  expect([failedOf([idle], true), failedOf([judged], false)]).toEqual([[], []]);
});

it('accepts verdicts that their own figures confirm, that have no limit, or that are texts of an earlier version', () => {
  const free = gateOf(true, 0.41, { code: 'f1', relation: null, limit: null });
  const written = { name: 'ai1 auc', passed: true, seen: '0.4', limit: 'at least 0.52' };
  for (const gate of [gateOf(true, 0.52), free, written])
    expect([hasPassed(gate), failuresOf([gate])]).toEqual([true, []]);
  // A failure stays one, whatever its figures say.
  for (const gate of [gateOf(false, 0.41), gateOf(false, 0.9)]) expect(failuresOf([gate])).toHaveLength(1);
});

it('tells failed claims from failed integrity, and bias before F1', () => {
  const ofDirection = (code: 'bias' | 'f1' | 'plausible', passed: boolean) =>
    gateOf(passed, passed ? 0 : 1, { code, role: 'direction', relation: '<=', limit: 0 });
  const biased = ofDirection('bias', false);
  const weak = ofDirection('f1', false);
  const implausible = ofDirection('plausible', false);
  const gates = [weak, implausible, biased];
  const recorded = recordedDirectionGates({ gates });
  expect(recorded.failed).toMatchObject([{ code: 'plausible' }]);
  expect(recorded.claims).toMatchObject([{ code: 'f1' }, { code: 'bias' }]);
  expect(failedClaim(recorded)).toBe('MODEL_BIASED');
  expect(failedClaim(recordedDirectionGates({ gates: [weak] }))).toBe('MODEL_WEAK');
  expect(failedClaim(recordedDirectionGates({ gates: [implausible, ofDirection('bias', true)] }))).toBeNull();
  expect(servingFailures(gates, 'entries')).toMatchObject([{ code: 'plausible' }]);
  expect(servingFailures(gates, 'serving')).toHaveLength(3);
  expect(claimsText(failuresOf(gates))).toBe(
    'Its probabilities are served, and it makes no entries: direction f1 (MODEL_WEAK), direction bias (MODEL_BIASED).',
  );
  // The F1 of an AI1 is no claim of a direction model.
  expect([
    claimsText(failuresOf([gateOf(false, 0.3, { code: 'f1' })])),
    servingFailures([gateOf(false, 0.3)], 'entries').length,
  ]).toEqual([null, 1]);
});

it('finds a changed verdict in a bundle, in its groups, and in a direction bundle', () => {
  const whole = EXPECTED_OF_PAIRS.map((own) => gateOf(true, 0.6, own as Pick<GateResult, 'code' | 'role'>));
  const gates = whole.map((gate) => (gate.code === 'auc' ? gateOf(true, 0.3) : gate));
  expect(recordedGates({ gates: whole })).toEqual({ failed: [], claims: [], missing: [] });
  expect(recordedGates({ gates }).failed).toMatchObject([{ code: 'auc', role: 'ai1', value: 0.3 }]);
  const direction = gateOf(true, 0.9, { code: 'plausible', role: 'direction', relation: '<=', limit: 0.55 });
  expect(recordedDirectionGates({ gates: [direction] }).failed).toMatchObject([{ code: 'plausible', value: 0.9 }]);
});
