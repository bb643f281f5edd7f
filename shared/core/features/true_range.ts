import type { ColumnPlanner } from './columns.ts';
import { MODEL_NAMES } from './feature.ts';
import { RANGE_RATIO, type LegValues } from './leg.ts';
import type { Windows } from './windows.ts';

/**
 * Average true range against its usual level (Wilder's true range, simple means). A gap is part of the range: it was
 * really moved.
 */
export class TrueRange {
  readonly #columns: ReturnType<typeof declareTrueRange>;

  constructor(windows: Windows, columns: ColumnPlanner) {
    this.#columns = declareTrueRange(columns, windows);
  }

  step(a: LegValues, b: LegValues, out: Float64Array, row: number): void {
    const columns = this.#columns;
    out[row + columns.atr_ratio_a] = a.values[a.at + RANGE_RATIO]!;
    out[row + columns.atr_ratio_b] = b.values[b.at + RANGE_RATIO]!;
    out[row + columns.atr_ratio] = Math.max(a.values[a.at + RANGE_RATIO]!, b.values[b.at + RANGE_RATIO]!);
  }
}

function declareTrueRange(columns: ColumnPlanner, { atr_short, atr_long }: Windows) {
  const shared = { window: atr_long, ddof: null, warmup_bars: atr_long + 1, unit: 'ratio', models: MODEL_NAMES };
  return columns.declare([
    {
      ...shared,
      name: 'atr_ratio_a',
      formula: `mean(TR_A, ${atr_short}) / mean(TR_A, ${atr_long}), TR = max(high, close_{t−1}) − min(low, close_{t−1}); 1 for a constant leg`,
    },
    { ...shared, name: 'atr_ratio_b', formula: 'the same of leg B' },
    { ...shared, name: 'atr_ratio', formula: 'greater of atr_ratio_a and atr_ratio_b' },
  ]);
}
