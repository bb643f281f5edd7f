import {
  FLAT_STD,
  ratioToUsual,
  sampleStd,
  writeCorrelation,
  type FeatureDefinition,
  type Frame,
  type ModelName,
} from './feature.ts';
import { VOL, VOL_RATIO, type LegValues } from './leg.ts';
import type { FoldPlan, FoldPlanner, Series } from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

/** Volatility of the legs and of the hedged return, how it compares with the usual, and with the distance between the barriers of a trade. */
export class Volatility {
  readonly features: readonly FeatureDefinition[];
  readonly #windows: Windows;
  /** (h of the bar before, h): its y is the series h itself. */
  readonly #hedged: Series;
  readonly #hedgedSize: Series;
  readonly #hedgedShort: Series;
  readonly #hedgedLong: Series;

  constructor(windows: Windows, stage: number, planner: FoldPlanner) {
    const { beta_window, z_window, vol_short, vol_window, vol_long } = windows;
    this.#windows = windows;
    this.#hedged = planner.comoments(stage, vol_window);
    this.#hedgedSize = planner.mean(stage, vol_window);
    this.#hedgedShort = planner.moments(stage, vol_short);
    this.#hedgedLong = planner.moments(stage, vol_long);
    const all: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    const unit = 'ln return per bar';
    const hedged = 'r_A − beta_{t−1} · r_B';
    this.features = [
      {
        name: 'vol_a',
        formula: 'std of r_A, the one-bar log return of leg A',
        window: vol_window,
        ddof: 1,
        warmup_bars: vol_window + 1,
        unit,
        models: all,
      },
      {
        name: 'vol_b',
        formula: 'std of r_B',
        window: vol_window,
        ddof: 1,
        warmup_bars: vol_window + 1,
        unit,
        models: all,
      },
      {
        name: 'vol_jump',
        formula: `greater of std(r_A, ${vol_short}) / std(r_A, ${vol_long}) and the same of r_B; 1 for a constant leg`,
        window: vol_long,
        ddof: 1,
        warmup_bars: vol_long + 1,
        unit: 'ratio',
        models: all,
      },
      {
        name: 'spread_vol',
        formula: `std of the hedged return h = ${hedged}`,
        window: vol_window,
        ddof: 1,
        warmup_bars: beta_window + vol_window,
        unit,
        models: all,
      },
      {
        name: 'spread_vol_jump',
        formula: `std(h, ${vol_short}) / std(h, ${vol_long}); 1 when constant`,
        window: vol_long,
        ddof: 1,
        warmup_bars: beta_window + vol_long,
        unit: 'ratio',
        models: all,
      },
      {
        name: 'efficiency_ratio',
        formula: '|mean h| / mean |h|; 0 when h is constantly 0',
        window: vol_window,
        ddof: null,
        warmup_bars: beta_window + vol_window,
        unit: '0…1',
        models: all,
      },
      {
        name: 'hedged_autocorr',
        formula: 'correlation of h_t and h_{t−1}; 0 when constant',
        window: vol_window,
        ddof: null,
        warmup_bars: beta_window + vol_window + 1,
        unit: '−1…1',
        models: all,
      },
      ...[['', vol_window] as const, ['_short', vol_short] as const, ['_long', vol_long] as const].map(
        ([suffix, window]) => ({
          name: `band_width${suffix}`,
          formula: `std of the last ${z_window} spreads (one unit of z_score) / std(h, ${window}); 1 when h is constant`,
          window: Math.max(z_window, window),
          ddof: 1 as const,
          warmup_bars: beta_window + Math.max(z_window - 1, window),
          unit: 'bars of hedged volatility',
          models: all,
        }),
      ),
    ];
  }

  observe(frame: Frame, input: Float64Array): void {
    const h = frame.hedgedReturn;
    input[this.#hedged.input] = frame.hedgedReturnBefore;
    input[this.#hedged.input + 1] = h;
    input[this.#hedgedSize.input] = Math.abs(h);
    input[this.#hedgedShort.input] = h;
    input[this.#hedgedLong.input] = h;
  }

  step(frame: Frame, a: LegValues, b: LegValues, { result }: FoldPlan, out: Float64Array, at: number): void {
    const { vol_short, vol_window, vol_long } = this.#windows;
    const hedged = this.#hedged.result;
    const spreadVol = sampleStd(result[hedged + 5]!, vol_window);
    frame.spreadVol = spreadVol;
    const volShort = sampleStd(result[this.#hedgedShort.result + 1]!, vol_short);
    const volLong = sampleStd(result[this.#hedgedLong.result + 1]!, vol_long);
    const size = result[this.#hedgedSize.result]!;
    out[at] = a.values[a.at + VOL]!;
    out[at + 1] = b.values[b.at + VOL]!;
    out[at + 2] = Math.max(a.values[a.at + VOL_RATIO]!, b.values[b.at + VOL_RATIO]!);
    out[at + 3] = spreadVol;
    out[at + 4] = ratioToUsual(volShort, volLong);
    out[at + 5] = size === 0 ? 0 : Math.min(1, Math.abs(result[hedged + 1]! + result[hedged + 3]!) / size);
    writeCorrelation(result, hedged + 4, vol_window, out, at + 6);
    out[at + 7] = spreadVol < FLAT_STD ? 1 : frame.zStd / spreadVol;
    out[at + 8] = volShort < FLAT_STD ? 1 : frame.zStd / volShort;
    out[at + 9] = volLong < FLAT_STD ? 1 : frame.zStd / volLong;
  }
}
