import type { FeatureDefinition, FeatureGroup, Frame } from './feature.ts';
import { SlidingMoments } from './window/moments.ts';
import type { Windows } from './windows.ts';

/** Risk of the unit spread position, one unit gross over both legs; known without an account. */
export class UnitPosition implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #pnl: SlidingMoments;

  constructor(windows: Windows, at: number) {
    this.#at = at;
    this.#pnl = new SlidingMoments(windows.pnl_window);
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

  step(frame: Frame, out: Float64Array): void {
    if (Number.isNaN(frame.hedgedReturn)) return;
    this.#pnl.push(frame.minute, frame.hedgedReturn / (1 + Math.abs(frame.betaBefore)));
    if (this.#pnl.full) out[this.#at] = this.#pnl.std;
  }
}
