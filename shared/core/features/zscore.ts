import type { ColumnPlanner } from './columns.ts';
import { FLAT_STD, MODEL_NAMES, sampleStd, type Frame } from './feature.ts';
import { M2, MEAN, type FoldPlan, type FoldPlanner, type Series } from './window/fold_plan.ts';
import type { Windows } from './windows.ts';

const CHANGES_BARS = [1, 5, 15] as const;
/** A power of two above the longest change. */
const HISTORY_BARS = 16;

/** Deviation of the spread from its recent mean. Each spread counts as it was when its bar closed. */
export class ZScore {
  readonly #columns: ReturnType<typeof declareZScore>;
  readonly #changeColumns: readonly number[];
  readonly #slow: Series;
  readonly #fast: Series;
  readonly #slowWindow: number;
  readonly #fastWindow: number;

  constructor(windows: Windows, columns: ColumnPlanner, stage: number, planner: FoldPlanner) {
    const { z_window, vol_window } = windows;
    this.#slow = planner.moments(stage, z_window);
    this.#fast = planner.moments(stage, vol_window);
    this.#slowWindow = z_window;
    this.#fastWindow = vol_window;
    this.#columns = declareZScore(columns, windows);
    this.#changeColumns = CHANGES_BARS.map((bars) => this.#columns[`z_change_${bars}`]);
  }

  /** The last z-scores of each pair. */
  createHistory(pairs: number): Float64Array {
    return new Float64Array(pairs * HISTORY_BARS).fill(NaN);
  }

  observe(frame: Frame, input: Float64Array): void {
    input[this.#slow.input] = frame.spread;
    input[this.#fast.input] = frame.spread;
  }

  step(frame: Frame, { result }: FoldPlan, history: Float64Array, pair: number, out: Float64Array, row: number): void {
    const columns = this.#columns;
    const slow = this.#slow.result;
    const fast = this.#fast.result;
    const mean = result[slow + MEAN]!;
    const std = sampleStd(result[slow + M2]!, this.#slowWindow);
    const z = standardize(frame.spread, mean, std);
    const zFast = standardize(frame.spread, result[fast + MEAN]!, sampleStd(result[fast + M2]!, this.#fastWindow));
    frame.zMean = mean;
    frame.zStd = std;
    frame.z = z;
    const first = pair * HISTORY_BARS;
    history[first + (frame.bars % HISTORY_BARS)] = z;
    const side = Math.sign(z);
    out[row + columns.z_score] = z;
    out[row + columns.z_abs] = Math.abs(z);
    for (let i = 0; i < CHANGES_BARS.length; i++) {
      const before = history[first + ((frame.bars + HISTORY_BARS - CHANGES_BARS[i]!) % HISTORY_BARS)]!;
      out[row + this.#changeColumns[i]!] = side * (z - before);
    }
    out[row + columns.z_fast] = side * zFast;
  }
}

function declareZScore(columns: ColumnPlanner, { beta_window, z_window, vol_window }: Windows) {
  const warm = beta_window + z_window - 1;
  const models = MODEL_NAMES;
  const unit = 'standard deviations';
  return columns.declare([
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
      name: `z_change_${bars}` as const,
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
  ]);
}

/** (value − mean) / std; 0 for a constant series. */
function standardize(value: number, mean: number, std: number): number {
  return std < FLAT_STD ? 0 : (value - mean) / std;
}
