import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { classF1 } from './class_f1.ts';
import { QUALITY_LEVEL } from './quality_gate.ts';

const HOUR = 3600;

/** One-hot probabilities of these answers. */
function answersOf(answers: readonly number[], labels: readonly number[], classes = 3) {
  const probabilities = Float64Array.from({ length: answers.length * classes }, (_, i) =>
    answers[Math.floor(i / classes)] === i % classes ? 1 : 0,
  );
  return { classes, probabilities, labels };
}

function hourly(rows: number, labelHours = 1) {
  const time = Float64Array.from({ length: rows }, (_, row) => row * HOUR);
  return { time, labelEnd: time.map((own) => own + labelHours * HOUR) };
}

describe('classF1', () => {
  it('is the macro average of scikit-learn', () => {
    // sklearn.metrics.f1_score([0,1,2,0,1,2], [0,2,1,0,0,1], average='macro') = 0.26666666666666666 (its manual).
    const found = classF1(answersOf([0, 2, 1, 0, 0, 1], [0, 1, 2, 0, 1, 2]), hourly(6));
    expect(found.f1).toBeCloseTo(0.26666666666666666, 15);
    expect(found.f1_by_class).toEqual([0.8, 0, 0]);
    // Answers 3, 2, 1 of 6 and labels 2, 2, 2 of 6: 2·(1/2)(1/3)/(5/6), 2·(1/3)(1/3)/(2/3), 2·(1/6)(1/3)/(1/2).
    expect(found.f1_chance).toBeCloseTo((2 / 5 + 1 / 3 + 2 / 9) / 3, 15);
  });

  it('gives 0 to a class that never occurs, and 1 to answers that are all right', () => {
    expect(classF1(answersOf([0, 1, 0, 1], [0, 1, 0, 1]), hourly(4)).f1_by_class).toEqual([1, 1, 0]);
    expect(classF1(answersOf([0, 1, 2], [0, 1, 2]), hourly(3))).toMatchObject({ f1: 1, f1_gain_lower: null });
    expect(() => classF1(answersOf([], []), hourly(0))).toThrow(RangeError);
  });

  it('is above chance by its lower bound in about 2 % of the runs without skill, however labels overlap', () => {
    const runs = 1000;
    let above = 0;
    for (let run = 0; run < runs; run++) {
      const rng = createRng(`f1 ${run}`);
      let answer = 0;
      let label = 0;
      const [answers, labels]: [number[], number[]] = [[], []];
      for (let row = 0; row < 24 * 60; row++) {
        if (rng.uniform() < 1 / 12) answer = rng.integer(3);
        if (row % 24 === 0) label = rng.integer(3);
        answers.push(answer);
        labels.push(label);
      }
      if (classF1(answersOf(answers, labels), hourly(24 * 60, 24)).f1_gain_lower! > 0) above++;
    }
    // And 2.5 standard errors of the simulation.
    expect(above / runs).toBeLessThan(QUALITY_LEVEL + 2.5 * Math.sqrt((QUALITY_LEVEL * (1 - QUALITY_LEVEL)) / runs));
    expect(above).toBeGreaterThan(0);
  });
});
