import { FLAT_STD, type FeatureDefinition, type FeatureGroup, type Frame, type ModelName } from './feature.ts';
import { SlidingComoments } from './window/comoments.ts';
import type { Windows } from './windows.ts';

const SHORTEST_HALF_LIFE_BARS = 0.5;

/** How fast the spread falls back: regression of its change on its level (Ornstein-Uhlenbeck as AR(1); Chan, "Algorithmic Trading", ch. 2). */
export class MeanReversion implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #longest: number;
  readonly #regression: SlidingComoments;

  constructor(windows: Windows, at: number) {
    const window = windows.half_life_window;
    this.#at = at;
    this.#longest = window;
    this.#regression = new SlidingComoments(window, FLAT_STD);
    const models: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    const shared = { window, ddof: null, warmup_bars: windows.beta_window + window, models };
    this.features = [
      {
        ...shared,
        name: 'reversion_speed',
        formula: '−slope of (spread_t − spread_{t−1}) on spread_{t−1}',
        unit: 'share per bar',
      },
      {
        ...shared,
        name: 'half_life',
        formula: `ln 2 / −ln(1 − reversion_speed), within [${SHORTEST_HALF_LIFE_BARS}, window]; window when the spread does not revert`,
        unit: 'bars',
      },
    ];
  }

  step(frame: Frame, out: Float64Array): void {
    if (Number.isNaN(frame.spreadBefore)) return;
    const regression = this.#regression;
    regression.push(frame.minute, frame.spreadBefore, frame.spread - frame.spreadBefore);
    if (!regression.full) return;
    const speed = -regression.slope;
    out[this.#at] = speed;
    out[this.#at + 1] = this.#halfLife(speed);
  }

  #halfLife(speed: number): number {
    if (speed <= 0) return this.#longest;
    if (speed >= 1) return SHORTEST_HALF_LIFE_BARS;
    return Math.min(this.#longest, Math.max(SHORTEST_HALF_LIFE_BARS, Math.LN2 / -Math.log(1 - speed)));
  }
}
