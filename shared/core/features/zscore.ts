import { FLAT_STD, type FeatureDefinition, type FeatureGroup, type Frame, type ModelName } from './feature.ts';
import { Lag } from './window/lag.ts';
import { SlidingMoments } from './window/moments.ts';
import type { Windows } from './windows.ts';

const CHANGES_BARS = [1, 5, 15] as const;

/** How far the spread is from its own recent mean. Each spread counts as it was when its bar closed. */
export class ZScore implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #slow: SlidingMoments;
  readonly #fast: SlidingMoments;
  readonly #lags = CHANGES_BARS.map((bars) => new Lag(bars));

  constructor(windows: Windows, at: number) {
    const { beta_window, z_window, vol_window } = windows;
    this.#at = at;
    this.#slow = new SlidingMoments(z_window);
    this.#fast = new SlidingMoments(vol_window);
    const warm = beta_window + z_window - 1;
    const models: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    const unit = 'standard deviations';
    this.features = [
      {
        name: 'z_score',
        formula:
          '(spread − mean) / std of the last window spreads, each as it was when its bar closed; 0 when std < 1e-12',
        window: z_window,
        ddof: 1,
        warmup_bars: warm,
        unit,
        models,
      },
      { name: 'z_abs', formula: '|z_score|', window: z_window, ddof: 1, warmup_bars: warm, unit, models },
      ...CHANGES_BARS.map((bars) => ({
        name: `z_change_${bars}`,
        formula: `sign(z_score) · (z_score − z_score ${bars} bars ago): positive = moving further out`,
        window: bars + 1,
        ddof: null,
        warmup_bars: warm + bars,
        unit,
        models,
      })),
      {
        name: 'z_fast',
        formula: 'z_score with the shorter window; sign(z_score) · (spread − mean) / std; 0 when std < 1e-12',
        window: vol_window,
        ddof: 1,
        warmup_bars: Math.max(beta_window + vol_window - 1, warm),
        unit,
        models,
      },
    ];
  }

  step(frame: Frame, out: Float64Array): void {
    if (Number.isNaN(frame.spread)) return;
    this.#slow.push(frame.minute, frame.spread);
    this.#fast.push(frame.minute, frame.spread);
    if (!this.#slow.full) return;
    const at = this.#at;
    frame.zMean = this.#slow.mean;
    frame.zStd = this.#slow.std;
    frame.z = standardise(frame.spread, frame.zMean, frame.zStd);
    const side = Math.sign(frame.z);
    out[at] = frame.z;
    out[at + 1] = Math.abs(frame.z);
    for (let i = 0; i < CHANGES_BARS.length; i++) out[at + 2 + i] = side * (frame.z - this.#lags[i]!.push(frame.z));
    if (this.#fast.full)
      out[at + 2 + CHANGES_BARS.length] = side * standardise(frame.spread, this.#fast.mean, this.#fast.std);
  }
}

/** (value − mean) / std; 0 for a constant series. */
function standardise(value: number, mean: number, std: number): number {
  return std < FLAT_STD ? 0 : (value - mean) / std;
}
