import { expect, it } from 'vitest';
import { EXPECTED_OF_PAIRS } from './gates/gate_codes.ts';
import type { GateResult } from './gates/gate_result.ts';
import {
  failuresOf,
  gatesText,
  hasPassed,
  reasonsOf,
  recordedDirectionGates,
  recordedGates,
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

it('accepts verdicts that their own figures confirm, that have no limit, or that are texts of an earlier version', () => {
  const free = gateOf(true, 0.41, { relation: null, limit: null });
  const written = { name: 'ai1 auc', passed: true, seen: '0.4', limit: 'at least 0.52' };
  for (const gate of [gateOf(true, 0.52), free, written])
    expect([hasPassed(gate), failuresOf([gate])]).toEqual([true, []]);
  // A failure stays one, whatever its figures say.
  for (const gate of [gateOf(false, 0.41), gateOf(false, 0.9)]) expect(failuresOf([gate])).toHaveLength(1);
});

it('finds a changed verdict in a bundle, in its groups, and in a direction bundle', () => {
  const free = { relation: null, limit: null };
  const whole = EXPECTED_OF_PAIRS.map((own) =>
    gateOf(true, null, { ...(own as Pick<GateResult, 'code' | 'role'>), ...free }),
  );
  const gates = whole.map((gate) => (gate.code === 'auc' ? gateOf(true, 0.3) : gate));
  expect(recordedGates({ gates: whole })).toEqual({ failed: [], missing: [] });
  expect(recordedGates({ gates }).failed).toMatchObject([{ code: 'auc', role: 'ai1', value: 0.3 }]);
  const direction = gateOf(true, 0.9, { code: 'plausible', role: 'direction', relation: '<=', limit: 0.55 });
  expect(recordedDirectionGates({ gates: [direction] }).failed).toMatchObject([{ code: 'plausible', value: 0.9 }]);
});
