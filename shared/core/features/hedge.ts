import { flatMoment, writeCorrelation, type FeatureDefinition, type Frame } from './feature.ts';
import type { FoldPlan, FoldPlanner, Series } from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

/** The hedge ratio: rolling OLS of ln A on ln B, the current bar included. Leaves beta, alpha, corr and the spread in the frame. */
export class Hedge {
  readonly features: readonly FeatureDefinition[];
  readonly #ols: Series;
  readonly #flat: number;
  readonly #window: number;

  constructor(windows: Windows, stage: number, planner: FoldPlanner) {
    const window = windows.beta_window;
    this.#ols = planner.comoments(stage, window);
    this.#flat = flatMoment(window);
    this.#window = window;
    const shared = { window, ddof: null, warmup_bars: window };
    this.features = [
      {
        ...shared,
        name: 'beta',
        formula: 'Sxy / Sxx of x = ln close_B, y = ln close_A; 0 when ln close_B is constant',
        unit: 'ln A per ln B',
        models: ['ai1', 'ai2', 'ai3'],
      },
      { ...shared, name: 'alpha', formula: 'mean(ln close_A) − beta · mean(ln close_B)', unit: 'ln price', models: [] },
      {
        ...shared,
        name: 'corr',
        formula: 'Sxy / √(Sxx · Syy); 0 when either leg is constant',
        unit: '−1…1',
        models: ['ai1', 'ai2', 'ai3'],
      },
      { ...shared, name: 'spread', formula: 'ln close_A − alpha − beta · ln close_B', unit: 'ln price', models: [] },
    ];
  }

  observe(frame: Frame, input: Float64Array): void {
    const at = this.#ols.input;
    input[at] = frame.lnB;
    input[at + 1] = frame.lnA;
  }

  step(frame: Frame, { result }: FoldPlan, out: Float64Array, columns: number): void {
    const at = this.#ols.result;
    const oldestX = result[at]!;
    const oldestY = result[at + 1]!;
    const meanX = result[at + 2]!;
    const meanY = result[at + 3]!;
    const sxx = result[at + 4]!;
    const sxy = result[at + 6]!;
    const beta = sxx <= this.#flat ? 0 : sxy / sxx;
    frame.betaBefore = frame.beta;
    frame.spreadBefore = frame.spread;
    frame.beta = beta;
    frame.alpha = oldestY + meanY - beta * (oldestX + meanX);
    writeCorrelation(result, at + 4, this.#window, out, columns + 2);
    frame.corr = out[columns + 2]!;
    // Centered, because ln A − alpha − beta · ln B would lose the digits that the means have in common.
    frame.spread = frame.lnA - oldestY - meanY - beta * (frame.lnB - oldestX - meanX);
    out[columns] = beta;
    out[columns + 1] = frame.alpha;
    out[columns + 3] = frame.spread;
  }
}
