import { expect, it } from 'vitest';
import { EXPECTED_OF_DIRECTION, EXPECTED_OF_PAIRS } from './gate_codes.ts';
import type { GateResult } from './gate_result.ts';
import { gateStep, gateSteps } from './gate_steps.ts';

const failed = (code: string, role: string | null): GateResult =>
  ({ code, role, passed: false, value: 0, relation: '>=', limit: 1, unit: 'score', evidence: {} }) as GateResult;

it('every gate of a training has a next step, also as an earlier version wrote it', () => {
  for (const { code, role } of [...EXPECTED_OF_PAIRS, ...EXPECTED_OF_DIRECTION])
    expect(gateStep(failed(code, role)), `${role} ${code}`).toMatch(/\.$/);
  expect(gateStep(failed('f1', 'ai1'))).toBe(gateStep(failed('f1', 'ai2')));
  expect(gateStep(failed('f1', 'direction'))).toMatch(/take direction out of `quality_f1_gates`/);
  const earlier = { name: 'ai1 auc above noise', passed: false, seen: '0.5', limit: 'above 0.5' };
  expect(gateStep(earlier)).toBe(gateStep(failed('auc_above_noise', 'ai1')));
});

it('a rejection in the registry and an unknown gate have none', () => {
  for (const code of ['registry', 'gates', 'constructor']) expect(gateStep(failed(code, null)), code).toBeNull();
});

it('a model that had too few samples needs more of them, whatever else failed, and not other inputs', () => {
  const samples = failed('samples', 'ai1');
  const constant = failed('prediction_dispersion', 'ai1');
  expect(gateStep(constant, [constant])).toMatch(/constant or missing inputs/);
  expect(gateStep(constant, [constant, samples])).toBe(gateStep(samples));
  const ofAnother = failed('prediction_dispersion', 'ai2');
  expect(gateStep(ofAnother, [ofAnother, samples])).toBe(gateStep(ofAnother));
  expect(gateSteps([constant, samples])).toEqual([gateStep(samples)]);
  expect(gateSteps([ofAnother, constant, samples])).toEqual([gateStep(samples), gateStep(ofAnother)]);
  expect(gateSteps([failed('registry', null)])).toEqual([]);
});
