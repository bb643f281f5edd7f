import type { ColumnPlanner } from './columns.ts';
import { MODEL_NAMES, sampleStd, type Frame } from './feature.ts';
import { M2, type FoldPlan, type FoldPlanner, type Series } from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

/** Risk of the unit spread position, one unit gross over both legs; known without an account. */
export class UnitPosition {
  readonly #columns: ReturnType<typeof declareUnitPosition>;
  readonly #pnl: Series;
  readonly #window: number;

  constructor(windows: Windows, columns: ColumnPlanner, stage: number, planner: FoldPlanner) {
    this.#window = windows.pnl_window;
    this.#pnl = planner.moments(stage, windows.pnl_window);
    this.#columns = declareUnitPosition(columns, windows);
  }

  observe(frame: Frame, input: Float64Array): void {
    input[this.#pnl.input] = frame.hedgedReturn / (1 + Math.abs(frame.betaBefore));
  }

  step({ result }: FoldPlan, out: Float64Array, row: number): void {
    out[row + this.#columns.pnl_std] = sampleStd(result[this.#pnl.result + M2]!, this.#window);
  }
}

function declareUnitPosition(columns: ColumnPlanner, { beta_window, pnl_window }: Windows) {
  return columns.declare([
    {
      name: 'pnl_std',
      formula: 'std of (r_A − beta_{t−1} · r_B) / (1 + |beta_{t−1}|)',
      window: pnl_window,
      ddof: 1,
      warmup_bars: beta_window + pnl_window,
      unit: 'share of gross notional per bar',
      models: MODEL_NAMES,
    },
  ]);
}
