import type { AdoptionEvidence, Gate } from './gate.ts';

export const goldenVectors: Gate<AdoptionEvidence> = {
  code: 'golden_vectors',
  vetoes: 'A bundle that does not load, or whose answers in onnxruntime differ from the learner’s.',
  threshold: { fixed: '1e-5' },
  check: ({ golden }) => golden,
};
