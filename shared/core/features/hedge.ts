import type { ColumnPlanner } from './columns.ts';
import { flatMoment, MODEL_NAMES, writeCorrelation, type Frame } from './feature.ts';
import {
  MEAN_X,
  MEAN_Y,
  OLDEST_X,
  OLDEST_Y,
  SXX,
  SXY,
  type FoldPlan,
  type FoldPlanner,
  type Series,
} from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

/**
 * The hedge ratio: rolling OLS of ln A on ln B, the current bar included. Leaves beta, alpha, corr and the spread in
 * the frame.
 */
export class Hedge {
  readonly #columns: ReturnType<typeof declareHedge>;
  readonly #ols: Series;
  readonly #flat: number;
  readonly #window: number;

  constructor(windows: Windows, columns: ColumnPlanner, stage: number, planner: FoldPlanner) {
    const window = windows.beta_window;
    this.#ols = planner.comoments(stage, window);
    this.#flat = flatMoment(window);
    this.#window = window;
    this.#columns = declareHedge(columns, window);
  }

  observe(frame: Frame, input: Float64Array): void {
    const at = this.#ols.input;
    input[at] = frame.lnB;
    input[at + 1] = frame.lnA;
  }

  step(frame: Frame, { result }: FoldPlan, out: Float64Array, row: number): void {
    const columns = this.#columns;
    const at = this.#ols.result;
    const oldestX = result[at + OLDEST_X]!;
    const oldestY = result[at + OLDEST_Y]!;
    const meanX = result[at + MEAN_X]!;
    const meanY = result[at + MEAN_Y]!;
    const sxx = result[at + SXX]!;
    const sxy = result[at + SXY]!;
    const beta = sxx <= this.#flat ? 0 : sxy / sxx;
    frame.betaBefore = frame.beta;
    frame.spreadBefore = frame.spread;
    frame.beta = beta;
    frame.alpha = oldestY + meanY - beta * (oldestX + meanX);
    writeCorrelation(result, at + SXX, this.#window, out, row + columns.corr);
    frame.corr = out[row + columns.corr]!;
    // Centered, because ln A − alpha − beta · ln B would lose the digits that the means have in common.
    frame.spread = frame.lnA - oldestY - meanY - beta * (frame.lnB - oldestX - meanX);
    out[row + columns.beta] = beta;
    out[row + columns.alpha] = frame.alpha;
    out[row + columns.spread] = frame.spread;
  }
}

function declareHedge(columns: ColumnPlanner, window: number) {
  const shared = { window, ddof: null, warmup_bars: window };
  return columns.declare([
    {
      ...shared,
      name: 'beta',
      formula: 'Sxy / Sxx of x = ln close_B, y = ln close_A; 0 when ln close_B is constant',
      unit: 'ln A per ln B',
      models: MODEL_NAMES,
    },
    { ...shared, name: 'alpha', formula: 'mean(ln close_A) − beta · mean(ln close_B)', unit: 'ln price', models: [] },
    {
      ...shared,
      name: 'corr',
      formula: 'Sxy / √(Sxx · Syy); 0 when either leg is constant',
      unit: '−1…1',
      models: MODEL_NAMES,
    },
    { ...shared, name: 'spread', formula: 'ln close_A − alpha − beta · ln close_B', unit: 'ln price', models: [] },
  ]);
}
