import type { SamplerName } from './sampler.ts';
import type { Params, Space } from './space.ts';
import { createStudy } from './study.ts';

/** A test function for comparing searches. All are minimized. */
export interface Objective {
  readonly space: Space;
  readonly minimum: number;
  readonly evaluate: (params: Params) => number;
}

const unit = { kind: 'float', low: 0, high: 1 } as const;
const HARTMANN_ALPHA = [1, 1.2, 3, 3.2];
const HARTMANN_A = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const HARTMANN_P = [
  [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
  [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
  [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
  [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];

/** Branin and Hartmann 6 as in Dixon & Szegö 1978; `mixed` has a parameter of each kind. */
export const OBJECTIVES = {
  branin: {
    space: { x: { kind: 'float', low: -5, high: 10 }, y: { kind: 'float', low: 0, high: 15 } },
    minimum: 0.39788735772973816,
    evaluate: (params) => {
      const x = Number(params.x);
      const y = Number(params.y);
      const bend = y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6;
      return bend * bend + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
    },
  },
  hartmann6: {
    space: { x0: unit, x1: unit, x2: unit, x3: unit, x4: unit, x5: unit },
    minimum: -3.322368011391339,
    evaluate: (params) =>
      -HARTMANN_ALPHA.reduce((sum, alpha, i) => {
        const distance = HARTMANN_A[i]!.reduce(
          (d, a, j) => d + a * (Number(params[`x${j}`]) - HARTMANN_P[i]![j]!) ** 2,
          0,
        );
        return sum + alpha * Math.exp(-distance);
      }, 0),
  },
  mixed: {
    space: {
      lr: { kind: 'float', low: 1e-4, high: 1, log: true },
      k: { kind: 'integer', low: 2, high: 256, log: true },
      c: { kind: 'categorical', choices: ['a', 'b', 'c'] },
      d: unit,
    },
    minimum: 0,
    evaluate: (params) =>
      (Math.log10(Number(params.lr)) + 1.5) ** 2 +
      (Math.log2(Number(params.k)) - 5) ** 2 / 4 +
      ({ a: 0.5, b: 0, c: 1 } as Record<string, number>)[String(params.c)]! +
      (Number(params.d) - 0.3) ** 2,
  },
} as const satisfies Record<string, Objective>;

export type ObjectiveName = keyof typeof OBJECTIVES;

/** Numbers of trials after which searches are compared. */
export const TRIALS = [30, 60, 120] as const;

/**
 * Optuna 5.0, TPESampler and RandomSampler at their defaults: medians of the best value over 20 seeds after `TRIALS`.
 */
export const OPTUNA: Readonly<Record<ObjectiveName, Readonly<Record<SamplerName, readonly number[]>>>> = {
  branin: { tpe: [0.68, 0.493, 0.406], random: [1.46, 1.07, 0.58] },
  hartmann6: { tpe: [-2.43, -3.075, -3.247], random: [-1.18, -1.99, -2.12] },
  mixed: { tpe: [0.083, 0.018, 0.0028], random: [0.222, 0.128, 0.117] },
};

/** Ours: medians of the best value over 20 seeds after `TRIALS`. */
export function medianBests(name: ObjectiveName, sampler: SamplerName): number[] {
  const { space, evaluate }: Objective = OBJECTIVES[name];
  const bests: number[][] = TRIALS.map(() => []);
  for (let seed = 0; seed < 20; seed++) {
    const study = createStudy({ space, seed, direction: 'minimize', sampler, journal: null });
    TRIALS.forEach((trials, i) => {
      while (study.trials().length < trials) {
        const trial = study.ask();
        study.tell(trial, evaluate(trial.params));
      }
      bests[i]!.push(study.best()!.value!);
    });
  }
  return bests.map((values) => {
    values.sort((a, b) => a - b);
    return (values[9]! + values[10]!) / 2;
  });
}
