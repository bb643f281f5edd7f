import type { ColumnPlanner } from './columns.ts';
import { MODEL_NAMES, sampleStd, type Frame } from './feature.ts';
import { M2, type FoldPlan, type FoldPlanner, type Series } from './window/fold_plan.ts';
import { LagRing, type LagRows } from './window/lag_ring.ts';
import type { Windows } from './windows.ts';

/** Stability of the relation between the legs. */
export class Stability {
  /** beta and corr. */
  readonly lags: LagRing;
  readonly #columns: ReturnType<typeof declareStability>;
  readonly #betas: Series;
  readonly #window: number;

  constructor(windows: Windows, columns: ColumnPlanner, stage: number, planner: FoldPlanner) {
    const { stability_window } = windows;
    this.#betas = planner.moments(stage, stability_window);
    this.#window = stability_window;
    this.lags = new LagRing(stability_window, 2);
    this.#columns = declareStability(columns, windows);
  }

  observe(frame: Frame, input: Float64Array): void {
    input[this.#betas.input] = frame.beta;
  }

  step(frame: Frame, { result }: FoldPlan, lags: LagRows, pair: number, out: Float64Array, row: number): void {
    const columns = this.#columns;
    const ring = lags.values;
    const lag = this.lags.next(lags, pair);
    out[row + columns.beta_stability] = sampleStd(result[this.#betas.result + M2]!, this.#window);
    out[row + columns.beta_change] = frame.beta - ring[lag]!;
    out[row + columns.corr_change] = frame.corr - ring[lag + 1]!;
    ring[lag] = frame.beta;
    ring[lag + 1] = frame.corr;
  }
}

function declareStability(columns: ColumnPlanner, { beta_window, stability_window }: Windows) {
  const models = MODEL_NAMES;
  const change = { window: stability_window + 1, ddof: null, warmup_bars: beta_window + stability_window, models };
  return columns.declare([
    {
      name: 'beta_stability',
      formula: 'std of beta (small = stable)',
      window: stability_window,
      ddof: 1,
      warmup_bars: beta_window + stability_window - 1,
      unit: 'ln A per ln B',
      models,
    },
    { ...change, name: 'beta_change', formula: 'beta − beta window − 1 bars ago', unit: 'ln A per ln B' },
    { ...change, name: 'corr_change', formula: 'corr − corr window − 1 bars ago', unit: '−2…2' },
  ]);
}
