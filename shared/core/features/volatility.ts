import type { ColumnPlanner } from './columns.ts';
import { FLAT_STD, MODEL_NAMES, ratioToUsual, sampleStd, writeCorrelation, type Frame } from './feature.ts';
import { VOL, VOL_RATIO, type LegValues } from './leg.ts';
import {
  M2,
  MEAN,
  MEAN_Y,
  OLDEST_Y,
  SXX,
  SYY,
  type FoldPlan,
  type FoldPlanner,
  type Series,
} from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

/**
 * Volatility of the legs and of the hedged return, how it compares with the usual, and with the distance between the
 * barriers of a trade.
 */
export class Volatility {
  readonly #columns: ReturnType<typeof declareVolatility>;
  readonly #windows: Windows;
  /** (h of the bar before, h): its y is the series h itself. */
  readonly #hedged: Series;
  readonly #hedgedSize: Series;
  readonly #hedgedShort: Series;
  readonly #hedgedLong: Series;

  constructor(windows: Windows, columns: ColumnPlanner, stage: number, planner: FoldPlanner) {
    const { vol_short, vol_window, vol_long } = windows;
    this.#windows = windows;
    this.#hedged = planner.comoments(stage, vol_window);
    this.#hedgedSize = planner.mean(stage, vol_window);
    this.#hedgedShort = planner.moments(stage, vol_short);
    this.#hedgedLong = planner.moments(stage, vol_long);
    this.#columns = declareVolatility(columns, windows);
  }

  observe(frame: Frame, input: Float64Array): void {
    const h = frame.hedgedReturn;
    input[this.#hedged.input] = frame.hedgedReturnBefore;
    input[this.#hedged.input + 1] = h;
    input[this.#hedgedSize.input] = Math.abs(h);
    input[this.#hedgedShort.input] = h;
    input[this.#hedgedLong.input] = h;
  }

  step(frame: Frame, a: LegValues, b: LegValues, { result }: FoldPlan, out: Float64Array, row: number): void {
    const { vol_short, vol_window, vol_long } = this.#windows;
    const columns = this.#columns;
    const hedged = this.#hedged.result;
    const spreadVol = sampleStd(result[hedged + SYY]!, vol_window);
    frame.spreadVol = spreadVol;
    const volShort = sampleStd(result[this.#hedgedShort.result + M2]!, vol_short);
    const volLong = sampleStd(result[this.#hedgedLong.result + M2]!, vol_long);
    const size = result[this.#hedgedSize.result + MEAN]!;
    const drift = Math.abs(result[hedged + OLDEST_Y]! + result[hedged + MEAN_Y]!);
    out[row + columns.vol_a] = a.values[a.at + VOL]!;
    out[row + columns.vol_b] = b.values[b.at + VOL]!;
    out[row + columns.vol_jump] = Math.max(a.values[a.at + VOL_RATIO]!, b.values[b.at + VOL_RATIO]!);
    out[row + columns.spread_vol] = spreadVol;
    out[row + columns.spread_vol_jump] = ratioToUsual(volShort, volLong);
    out[row + columns.efficiency_ratio] = size === 0 ? 0 : Math.min(1, drift / size);
    writeCorrelation(result, hedged + SXX, vol_window, out, row + columns.hedged_autocorr);
    out[row + columns.band_width] = spreadVol < FLAT_STD ? 1 : frame.zStd / spreadVol;
    out[row + columns.band_width_short] = volShort < FLAT_STD ? 1 : frame.zStd / volShort;
    out[row + columns.band_width_long] = volLong < FLAT_STD ? 1 : frame.zStd / volLong;
  }
}

function declareVolatility(columns: ColumnPlanner, windows: Windows) {
  const { beta_window, z_window, vol_short, vol_window, vol_long } = windows;
  const models = MODEL_NAMES;
  const leg = { window: vol_window, ddof: 1, warmup_bars: vol_window + 1, unit: 'ln return per bar', models } as const;
  const bandWidth = <Name extends string>(name: Name, window: number) => ({
    name,
    formula: `std of the last ${z_window} spreads (one unit of z_score) / std(h, ${window}); 1 when h is constant`,
    window: Math.max(z_window, window),
    ddof: 1 as const,
    warmup_bars: beta_window + Math.max(z_window - 1, window),
    unit: 'bars of hedged volatility',
    models,
  });
  return columns.declare([
    { ...leg, name: 'vol_a', formula: 'std of r_A, the one-bar log return of leg A' },
    { ...leg, name: 'vol_b', formula: 'std of r_B' },
    {
      name: 'vol_jump',
      formula: `greater of std(r_A, ${vol_short}) / std(r_A, ${vol_long}) and the same of r_B; 1 for a constant leg`,
      window: vol_long,
      ddof: 1,
      warmup_bars: vol_long + 1,
      unit: 'ratio',
      models,
    },
    {
      name: 'spread_vol',
      formula: 'std of the hedged return h = r_A − beta_{t−1} · r_B',
      window: vol_window,
      ddof: 1,
      warmup_bars: beta_window + vol_window,
      unit: 'ln return per bar',
      models,
    },
    {
      name: 'spread_vol_jump',
      formula: `std(h, ${vol_short}) / std(h, ${vol_long}); 1 when constant`,
      window: vol_long,
      ddof: 1,
      warmup_bars: beta_window + vol_long,
      unit: 'ratio',
      models,
    },
    {
      name: 'efficiency_ratio',
      formula: '|mean h| / mean |h|; 0 when h is constantly 0',
      window: vol_window,
      ddof: null,
      warmup_bars: beta_window + vol_window,
      unit: '0…1',
      models,
    },
    {
      name: 'hedged_autocorr',
      formula: 'correlation of h_t and h_{t−1}; 0 when constant',
      window: vol_window,
      ddof: null,
      warmup_bars: beta_window + vol_window + 1,
      unit: '−1…1',
      models,
    },
    bandWidth('band_width', vol_window),
    bandWidth('band_width_short', vol_short),
    bandWidth('band_width_long', vol_long),
  ]);
}
