import type { FeatureDefinition, FeatureGroup, Frame, ModelName } from './feature.ts';
import { Lag } from './window/lag.ts';
import { SlidingMoments } from './window/moments.ts';
import type { Windows } from './windows.ts';

/** Whether the relation between the legs itself is moving. */
export class Stability implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #betas: SlidingMoments;
  readonly #betaLag: Lag;
  readonly #corrLag: Lag;

  constructor(windows: Windows, at: number) {
    const { beta_window, stability_window } = windows;
    this.#at = at;
    this.#betas = new SlidingMoments(stability_window);
    this.#betaLag = new Lag(stability_window);
    this.#corrLag = new Lag(stability_window);
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

  step(frame: Frame, out: Float64Array): void {
    if (Number.isNaN(frame.beta)) return;
    this.#betas.push(frame.minute, frame.beta);
    if (this.#betas.full) out[this.#at] = this.#betas.std;
    out[this.#at + 1] = frame.beta - this.#betaLag.push(frame.beta);
    out[this.#at + 2] = frame.corr - this.#corrLag.push(frame.corr);
  }
}
