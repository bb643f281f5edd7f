import type { FeatureDefinition, ModelName } from './feature.ts';
import { RANGE_RATIO, type LegValues } from './leg.ts';
import type { Windows } from './windows.ts';

/** Average true range against its usual level (Wilder's true range, simple means). A gap is part of the range: it was really moved. */
export class TrueRange {
  readonly features: readonly FeatureDefinition[];

  constructor(windows: Windows) {
    const { atr_short, atr_long } = windows;
    const models: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    const shared = { window: atr_long, ddof: null, warmup_bars: atr_long + 1, unit: 'ratio', models };
    this.features = [
      {
        ...shared,
        name: 'atr_ratio_a',
        formula: `mean(TR_A, ${atr_short}) / mean(TR_A, ${atr_long}), TR = max(high, close_{t−1}) − min(low, close_{t−1}); 1 for a constant leg`,
      },
      { ...shared, name: 'atr_ratio_b', formula: 'the same of leg B' },
      { ...shared, name: 'atr_ratio', formula: 'greater of atr_ratio_a and atr_ratio_b' },
    ];
  }

  step(a: LegValues, b: LegValues, out: Float64Array, at: number): void {
    out[at] = a.values[a.at + RANGE_RATIO]!;
    out[at + 1] = b.values[b.at + RANGE_RATIO]!;
    out[at + 2] = Math.max(a.values[a.at + RANGE_RATIO]!, b.values[b.at + RANGE_RATIO]!);
  }
}
