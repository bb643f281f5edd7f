import type { ColumnPlanner } from './columns.ts';
import { flatMoment, MODEL_NAMES, type Frame } from './feature.ts';
import { SXX, SXY, type FoldPlan, type FoldPlanner, type Series } from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

const MIN_HALF_LIFE_BARS = 0.5;

/**
 * Speed of reversion of the spread: regression of its change on its level (Ornstein-Uhlenbeck as AR(1); Chan,
 * "Algorithmic Trading", ch. 2).
 */
export class MeanReversion {
  readonly #columns: ReturnType<typeof declareMeanReversion>;
  readonly #longest: number;
  readonly #flat: number;
  readonly #regression: Series;

  constructor(windows: Windows, columns: ColumnPlanner, stage: number, planner: FoldPlanner) {
    const window = windows.half_life_window;
    this.#longest = window;
    this.#flat = flatMoment(window);
    this.#regression = planner.comoments(stage, window);
    this.#columns = declareMeanReversion(columns, windows);
  }

  observe(frame: Frame, input: Float64Array): void {
    const at = this.#regression.input;
    input[at] = frame.spreadBefore;
    input[at + 1] = frame.spread - frame.spreadBefore;
  }

  step({ result }: FoldPlan, out: Float64Array, row: number): void {
    const halfLifeAt = row + this.#columns.half_life;
    const sxx = result[this.#regression.result + SXX]!;
    const speed = sxx <= this.#flat ? 0 : -(result[this.#regression.result + SXY]! / sxx);
    out[row + this.#columns.reversion_speed] = speed;
    if (speed <= 0) out[halfLifeAt] = this.#longest;
    else if (speed >= 1) out[halfLifeAt] = MIN_HALF_LIFE_BARS;
    else {
      const halfLife = Math.LN2 / -Math.log(1 - speed);
      out[halfLifeAt] = Math.min(this.#longest, Math.max(MIN_HALF_LIFE_BARS, halfLife));
    }
  }
}

function declareMeanReversion(columns: ColumnPlanner, { beta_window, half_life_window: window }: Windows) {
  const shared = { window, ddof: null, warmup_bars: beta_window + window, models: MODEL_NAMES };
  return columns.declare([
    {
      ...shared,
      name: 'reversion_speed',
      formula: '−slope of (spread_t − spread_{t−1}) on spread_{t−1}',
      unit: 'share per bar',
    },
    {
      ...shared,
      name: 'half_life',
      formula: `ln 2 / −ln(1 − reversion_speed), within [${MIN_HALF_LIFE_BARS}, window]; window when the spread does not revert`,
      unit: 'bars',
    },
  ]);
}
