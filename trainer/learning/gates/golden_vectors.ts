import type { Evidence, GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { GOLDEN_TOLERANCE } from '../../../shared/bundle/model_set.ts';
import type { AdoptionEvidence, Gate } from './gate.ts';

export const goldenVectors: Gate<AdoptionEvidence> = {
  code: 'golden_vectors',
  vetoes: 'A bundle that does not load, or whose answers in onnxruntime differ from the learner’s.',
  threshold: { fixed: '1e-5' },
  check: ({ golden }) => golden,
};

/**
 * The verdict about a bundle that was opened as a daemon opens it.
 * @param found number of compared rows, or the error
 */
export function goldenResult(passed: boolean, found: Evidence): GateResult {
  const judged = {
    code: 'golden_vectors',
    role: null,
    value: null,
    relation: null,
    limit: null,
    unit: 'count',
  } as const;
  return { ...judged, passed, evidence: { ...found, tolerance: GOLDEN_TOLERANCE } };
}
