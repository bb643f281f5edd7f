import type { DirectionGate } from './direction_gate.ts';

export const f1: DirectionGate = {
  code: 'f1',
  vetoes: 'A mean F1 of up, down and range, each answered where it is the most probable one, below the limit.',
  limit: '`quality_f1_floor`, while `quality_f1_gates` names direction',
  check: ({ f1: { f1, f1_chance, f1_gain_lower }, f1Floor }) => ({
    passed: f1Floor === null || f1 >= f1Floor,
    value: f1,
    relation: f1Floor === null ? null : '>=',
    limit: f1Floor,
    unit: 'score',
    evidence: { f1, f1_chance, f1_gain_lower },
  }),
};
