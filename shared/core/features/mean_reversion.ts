import { flatMoment, type FeatureDefinition, type Frame, type ModelName } from './feature.ts';
import type { FoldPlan, FoldPlanner, Series } from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

const SHORTEST_HALF_LIFE_BARS = 0.5;

/** How fast the spread falls back: regression of its change on its level (Ornstein-Uhlenbeck as AR(1); Chan, "Algorithmic Trading", ch. 2). */
export class MeanReversion {
  readonly features: readonly FeatureDefinition[];
  readonly #longest: number;
  readonly #flat: number;
  readonly #regression: Series;

  constructor(windows: Windows, stage: number, planner: FoldPlanner) {
    const window = windows.half_life_window;
    this.#longest = window;
    this.#flat = flatMoment(window);
    this.#regression = planner.comoments(stage, window);
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

  observe(frame: Frame, input: Float64Array): void {
    const at = this.#regression.input;
    input[at] = frame.spreadBefore;
    input[at + 1] = frame.spread - frame.spreadBefore;
  }

  step({ result }: FoldPlan, out: Float64Array, at: number): void {
    const sxx = result[this.#regression.result + 4]!;
    const speed = sxx <= this.#flat ? 0 : -(result[this.#regression.result + 6]! / sxx);
    out[at] = speed;
    if (speed <= 0) out[at + 1] = this.#longest;
    else if (speed >= 1) out[at + 1] = SHORTEST_HALF_LIFE_BARS;
    else {
      const halfLife = Math.LN2 / -Math.log(1 - speed);
      out[at + 1] = Math.min(this.#longest, Math.max(SHORTEST_HALF_LIFE_BARS, halfLife));
    }
  }
}
