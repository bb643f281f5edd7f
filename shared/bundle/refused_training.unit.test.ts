import { expect, it } from 'vitest';
import type { FailedGate } from './gates/gate_result.ts';
import { afterRefusal, refusalText } from './refused_training.ts';

const failed = (code: string, role: 'ai1' | null): FailedGate =>
  ({ code, role, value: 0, relation: '>=', limit: 300, unit: 'count', evidence: {} }) as FailedGate;

it('a training that was refused for too few samples is answered with more history, and not with training again', () => {
  const refused = {
    version: '20261128_0900',
    failed: [
      failed('prediction_dispersion', 'ai1'),
      failed('samples', 'ai1'),
      failed('auc', 'ai1'),
      failed('brier', 'ai1'),
    ],
  };
  expect(refusalText(refused)).toMatch(/^The last training \(20261128_0900\) was refused by 4 gates: .*; …\.$/);
  const next = afterRefusal(refused);
  expect(next).toMatch(/^More history, or more pairs\. Then train again: on the same bars it gives the same\.$/);
});
