import { FLAT_STD, type FeatureDefinition, type FeatureGroup, type Frame, type ModelName } from './feature.ts';
import type { Bar } from '../../bar.ts';
import { Lag } from './window/lag.ts';
import { SlidingMoments } from './window/moments.ts';
import type { Windows } from './windows.ts';

/** Whether there is a market to trade in: volume where it is known, quoted spread where it is known, and the bars themselves. */
export class Liquidity implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #a: LegVolume;
  readonly #b: LegVolume;
  readonly #moving: SlidingMoments;
  readonly #minuteLag: Lag;
  readonly #activityWindow: number;

  constructor(windows: Windows, at: number) {
    const { beta_window, vol_short, vol_window, volume_window, activity_window } = windows;
    this.#at = at;
    this.#a = new LegVolume(vol_short, volume_window);
    this.#b = new LegVolume(vol_short, volume_window);
    this.#moving = new SlidingMoments(activity_window);
    this.#activityWindow = activity_window;
    this.#minuteLag = new Lag(activity_window);
    const models: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    this.features = [
      {
        name: 'liquidity_score',
        formula: `lesser of v / (1 + v) of both legs, v = mean(volume, ${vol_short}) / mean(volume, ${volume_window})`,
        window: volume_window,
        ddof: null,
        warmup_bars: volume_window,
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

  step(frame: Frame, out: Float64Array): void {
    const { minute, a, b } = frame;
    const at = this.#at;
    out[at] = Math.min(this.#a.step(minute, a.volume), this.#b.step(minute, b.volume));
    out[at + 1] = quotedSpread(frame);
    this.#moving.push(minute, (isMoving(a) + isMoving(b)) / 2);
    if (this.#moving.full) out[at + 2] = this.#moving.mean;
    out[at + 3] = this.#activityWindow / (minute - this.#minuteLag.push(minute));
    out[at + 4] = Math.log(frame.minutesSinceBar);
  }
}

/** v / (1 + v) of one leg; NaN while the window is not full or holds a minute of unknown volume. */
class LegVolume {
  readonly #short: SlidingMoments;
  readonly #long: SlidingMoments;
  readonly #unknown: SlidingMoments;

  constructor(short: number, long: number) {
    this.#short = new SlidingMoments(short);
    this.#long = new SlidingMoments(long);
    this.#unknown = new SlidingMoments(long);
  }

  step(minute: number, volume: number): number {
    this.#short.push(minute, volume);
    this.#long.push(minute, volume);
    this.#unknown.push(minute, volume > 0 ? 0 : 1);
    if (!this.#long.full || !this.#short.full || this.#unknown.mean > 0) return NaN;
    const relative = this.#short.mean / this.#long.mean;
    return relative / (1 + relative);
  }
}

function isMoving(bar: Bar): number {
  return bar.high > bar.low ? 1 : 0;
}

function quotedSpread(frame: Frame): number {
  const { a, b, beta, spreadVol } = frame;
  if (a.spread === undefined || b.spread === undefined || Number.isNaN(spreadVol)) return NaN;
  if (spreadVol < FLAT_STD) return 0;
  return (a.spread / a.close + (Math.abs(beta) * b.spread) / b.close) / spreadVol;
}
