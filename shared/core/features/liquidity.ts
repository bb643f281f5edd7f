import { FLAT_STD, type FeatureDefinition, type Frame, type ModelName } from './feature.ts';
import type { Bar } from '../../bar.ts';
import { LIQUIDITY, type LegValues } from './leg.ts';
import { LagRing } from './window/lag_ring.ts';
import type { Windows } from './windows.ts';

/** Legs that moved in the last bars of one pair: whole numbers, so that adding and taking away loses nothing. */
interface Activity {
  legs: number;
}

/** Whether there is a market to trade in: volume where it is known, quoted spread where it is known, and the bars themselves. */
export class Liquidity {
  readonly features: readonly FeatureDefinition[];
  /** Epoch minute and moving legs. */
  readonly lags: LagRing;
  readonly #activityWindow: number;

  constructor(windows: Windows) {
    const { beta_window, vol_short, vol_window, volume_window, activity_window } = windows;
    this.#activityWindow = activity_window;
    this.lags = new LagRing(activity_window, 2);
    const models: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    this.features = [
      {
        name: 'liquidity_score',
        formula: `lesser of v / (1 + v) of both legs, v = mean(volume, ${vol_short}) / mean(volume, ${volume_window})`,
        window: volume_window,
        ddof: null,
        warmup_bars: Math.max(volume_window, vol_short),
        unit: '0…1',
        models,
        missing: 'when a volume in the window is 0 (unknown)',
      },
      {
        name: 'quoted_spread',
        formula: '(spread_A / close_A + |beta| · spread_B / close_B) / spread_vol; 0 when spread_vol is below 1e-12',
        window: vol_window,
        ddof: null,
        warmup_bars: beta_window + vol_window,
        unit: 'bars of hedged volatility',
        models,
        missing: 'when a leg has no quoted spread',
      },
      {
        name: 'activity_score',
        formula: 'share of both legs’ bars with high > low',
        window: activity_window,
        ddof: null,
        warmup_bars: activity_window,
        unit: '0…1',
        models,
      },
      {
        name: 'coverage',
        formula: 'window / minutes from the close of the bar before the window’s bars to now',
        window: activity_window + 1,
        ddof: null,
        warmup_bars: activity_window + 1,
        unit: '0…1',
        models,
      },
      {
        name: 'gap',
        formula: 'ln of the minutes since the pair’s previous bar (0 = none missing)',
        window: 2,
        ddof: null,
        warmup_bars: 2,
        unit: 'ln minutes',
        models,
      },
    ];
  }

  step(
    frame: Frame,
    a: LegValues,
    b: LegValues,
    activity: Activity,
    ring: Float64Array,
    out: Float64Array,
    at: number,
  ): void {
    const { minute, bars, minutesSinceBar } = frame;
    const window = this.#activityWindow;
    const row = this.lags.next(ring);
    const moving = isMoving(frame.a) + isMoving(frame.b);
    activity.legs += bars > window ? moving - ring[row + 1]! : moving;
    out[at] = Math.min(a.values[a.at + LIQUIDITY]!, b.values[b.at + LIQUIDITY]!);
    out[at + 1] = quotedSpread(frame);
    out[at + 2] = bars < window ? NaN : activity.legs / (2 * window);
    out[at + 3] = window / (minute - ring[row]!);
    out[at + 4] = minutesSinceBar === 1 ? 0 : Math.log(minutesSinceBar);
    ring[row] = minute;
    ring[row + 1] = moving;
  }
}

function isMoving(bar: Bar): number {
  return bar.high > bar.low ? 1 : 0;
}

function quotedSpread(frame: Frame): number {
  const { a, b, beta, spreadVol } = frame;
  if (a.spread === undefined || b.spread === undefined) return NaN;
  if (spreadVol < FLAT_STD) return 0;
  return Math.min(Number.MAX_VALUE, (a.spread / a.close + (Math.abs(beta) * b.spread) / b.close) / spreadVol);
}
