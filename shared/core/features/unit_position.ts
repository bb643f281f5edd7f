import { sampleStd, type FeatureDefinition, type Frame } from './feature.ts';
import type { FoldPlan, FoldPlanner, Series } from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

/** Risk of the unit spread position, one unit gross over both legs; known without an account. */
export class UnitPosition {
  readonly features: readonly FeatureDefinition[];
  readonly #pnl: Series;
  readonly #window: number;

  constructor(windows: Windows, stage: number, planner: FoldPlanner) {
    this.#window = windows.pnl_window;
    this.#pnl = planner.moments(stage, windows.pnl_window);
    this.features = [
      {
        name: 'pnl_std',
        formula: 'std of (r_A − beta_{t−1} · r_B) / (1 + |beta_{t−1}|)',
        window: windows.pnl_window,
        ddof: 1,
        warmup_bars: windows.beta_window + windows.pnl_window,
        unit: 'share of gross notional per bar',
        models: ['ai1', 'ai2', 'ai3'],
      },
    ];
  }

  observe(frame: Frame, input: Float64Array): void {
    input[this.#pnl.input] = frame.hedgedReturn / (1 + Math.abs(frame.betaBefore));
  }

  step({ result }: FoldPlan, out: Float64Array, at: number): void {
    out[at] = sampleStd(result[this.#pnl.result + 1]!, this.#window);
  }
}
