import { sampleStd, type FeatureDefinition, type Frame, type ModelName } from './feature.ts';
import type { FoldPlan, FoldPlanner, Series } from './window/fold_plan.ts';
import { LagRing } from './window/lag_ring.ts';
import type { Windows } from './windows.ts';

/** Whether the relation between the legs itself is moving. */
export class Stability {
  readonly features: readonly FeatureDefinition[];
  /** beta and corr. */
  readonly lags: LagRing;
  readonly #betas: Series;
  readonly #window: number;

  constructor(windows: Windows, stage: number, planner: FoldPlanner) {
    const { beta_window, stability_window } = windows;
    this.#betas = planner.moments(stage, stability_window);
    this.#window = stability_window;
    this.lags = new LagRing(stability_window, 2);
    const models: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    const change = { window: stability_window + 1, ddof: null, warmup_bars: beta_window + stability_window, models };
    this.features = [
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
    ];
  }

  observe(frame: Frame, input: Float64Array): void {
    input[this.#betas.input] = frame.beta;
  }

  step(frame: Frame, { result }: FoldPlan, ring: Float64Array, out: Float64Array, at: number): void {
    const row = this.lags.next(ring);
    out[at] = sampleStd(result[this.#betas.result + 1]!, this.#window);
    out[at + 1] = frame.beta - ring[row]!;
    out[at + 2] = frame.corr - ring[row + 1]!;
    ring[row] = frame.beta;
    ring[row + 1] = frame.corr;
  }
}
