import { medianBests, OBJECTIVES, OPTUNA, TRIALS, type ObjectiveName } from '../trainer/learning/search/objectives.ts';
import { instantNs } from './end_to_end/instant.ts';

export interface SearchPoint {
  readonly objective: ObjectiveName;
  readonly minimum: number;
  readonly trials: number;
  /** Median over 20 seeds of the best value; lower is better. */
  readonly ours: number;
  readonly optuna: number;
  readonly ours_random: number;
  readonly optuna_random: number;
}

export interface SearchBenchResult {
  readonly seeds: number;
  readonly points: readonly SearchPoint[];
  /** Evaluation points at which ours is not worse than Optuna's. */
  readonly not_worse: number;
  /** Mean time per trial of our TPE, including the objective. */
  readonly us_per_trial: number;
}

const SEEDS = 20;

/** Our search against Optuna's recorded results, with the same functions, trials and seeds. */
export function benchSearch(print: (line: string) => void): SearchBenchResult {
  const points: SearchPoint[] = [];
  let tookNs = 0;
  for (const objective of Object.keys(OBJECTIVES) as ObjectiveName[]) {
    print(`search, ${objective} …`);
    const startNs = instantNs();
    const ours = medianBests(objective, 'tpe');
    tookNs += instantNs() - startNs;
    const random = medianBests(objective, 'random');
    TRIALS.forEach((trials, i) =>
      points.push({
        objective,
        minimum: OBJECTIVES[objective].minimum,
        trials,
        ours: ours[i]!,
        optuna: OPTUNA[objective].tpe[i]!,
        ours_random: random[i]!,
        optuna_random: OPTUNA[objective].random[i]!,
      }),
    );
  }
  const trials = Math.max(...TRIALS) * SEEDS * Object.keys(OBJECTIVES).length;
  return {
    seeds: SEEDS,
    points,
    not_worse: points.filter(({ ours, optuna }) => ours <= optuna).length,
    us_per_trial: tookNs / 1e3 / trials,
  };
}
