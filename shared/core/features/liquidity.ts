import type { ColumnPlanner } from './columns.ts';
import { FLAT_STD, MODEL_NAMES, type Frame } from './feature.ts';
import type { Bar } from '../../bar.ts';
import { LIQUIDITY, type LegValues } from './leg.ts';
import { LagRing, type LagRows } from './window/lag_ring.ts';
import type { Windows } from './windows.ts';

/**
 * Liquidity of the pair: volume where it is known, quoted spread where it is known, and the bars
 * themselves.
 */
export class Liquidity {
  /** Number of the bar and moving legs. */
  readonly lags: LagRing;
  readonly #columns: ReturnType<typeof declareLiquidity>;
  readonly #activityWindow: number;

  constructor(windows: Windows, columns: ColumnPlanner) {
    this.#activityWindow = windows.activity_window;
    this.lags = new LagRing(windows.activity_window, 2);
    this.#columns = declareLiquidity(columns, windows);
  }

  /**
   * @param movingLegs of each pair: how many legs moved in the last bars
   * @param pair in `movingLegs` and `lags`
   */
  step(
    frame: Frame,
    a: LegValues,
    b: LegValues,
    movingLegs: Float64Array,
    lags: LagRows,
    pair: number,
    out: Float64Array,
    row: number,
  ): void {
    const { number, bars, stepsSinceBar } = frame;
    const columns = this.#columns;
    const window = this.#activityWindow;
    const ring = lags.values;
    const lag = this.lags.next(lags, pair);
    const moving = isMoving(frame.a) + isMoving(frame.b);
    // Whole numbers: adding and taking away loses nothing.
    movingLegs[pair] = movingLegs[pair]! + moving - (bars > window ? ring[lag + 1]! : 0);
    out[row + columns.liquidity_score] = Math.min(a.values[a.at + LIQUIDITY]!, b.values[b.at + LIQUIDITY]!);
    writeQuotedSpread(frame, out, row + columns.quoted_spread);
    out[row + columns.activity_score] = bars < window ? NaN : movingLegs[pair]! / (2 * window);
    out[row + columns.coverage] = window / (number - ring[lag]!);
    out[row + columns.gap] = stepsSinceBar === 1 ? 0 : Math.log(stepsSinceBar);
    ring[lag] = number;
    ring[lag + 1] = moving;
  }
}

function declareLiquidity(columns: ColumnPlanner, windows: Windows) {
  const { beta_window, vol_short, vol_window, volume_window, activity_window } = windows;
  return columns.declare([
    {
      name: 'liquidity_score',
      formula: `lesser of v / (1 + v) of both legs, v = mean(volume, ${vol_short}) / mean(volume, ${volume_window})`,
      window: Math.max(volume_window, vol_short),
      ddof: null,
      warmup_bars: Math.max(volume_window, vol_short),
      unit: '0…1',
      models: MODEL_NAMES,
      missing: 'when a volume in the window is 0 (unknown)',
    },
    {
      name: 'quoted_spread',
      formula: '(spread_A / close_A + |beta| · spread_B / close_B) / spread_vol; 0 when spread_vol is below 1e-12',
      window: vol_window,
      ddof: null,
      warmup_bars: beta_window + vol_window,
      unit: 'bars of hedged volatility',
      models: MODEL_NAMES,
      missing: 'when a leg has no quoted spread',
    },
    {
      name: 'activity_score',
      formula: 'share of both legs’ bars with high > low',
      window: activity_window,
      ddof: null,
      warmup_bars: activity_window,
      unit: '0…1',
      models: MODEL_NAMES,
    },
    {
      name: 'coverage',
      formula: 'window / minutes from the close of the bar before the window’s bars to now',
      window: activity_window + 1,
      ddof: null,
      warmup_bars: activity_window + 1,
      unit: '0…1',
      models: MODEL_NAMES,
    },
    {
      name: 'gap',
      formula: 'ln of the minutes since the pair’s previous bar (0 = none missing)',
      window: 2,
      ddof: null,
      warmup_bars: 2,
      unit: 'ln minutes',
      models: MODEL_NAMES,
    },
  ]);
}

function isMoving(bar: Bar): number {
  return bar.high > bar.low ? 1 : 0;
}

/** Writes its result, because a double that is returned gets boxed. */
function writeQuotedSpread(frame: Frame, out: Float64Array, at: number): void {
  const { a, b, spreadVol } = frame;
  if (a.spread === undefined || b.spread === undefined) out[at] = NaN;
  else if (spreadVol < FLAT_STD) out[at] = 0;
  else {
    const quoted = a.spread / a.close + (Math.abs(frame.beta) * b.spread) / b.close;
    // A spread may be beyond all prices, and is valid; spread_vol is NaN in warm-up.
    out[at] = Math.min(Number.MAX_VALUE, quoted / spreadVol);
  }
}
