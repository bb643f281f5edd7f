import { ratioToUsual, type FeatureDefinition, type FeatureGroup, type Frame, type ModelName } from './feature.ts';
import { SlidingMoments } from './window/moments.ts';
import type { Windows } from './windows.ts';

/** Average true range against its usual level (Wilder's true range, simple means). A gap is part of the range: it was really moved. */
export class TrueRange implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #aShort: SlidingMoments;
  readonly #bShort: SlidingMoments;
  readonly #aLong: SlidingMoments;
  readonly #bLong: SlidingMoments;

  constructor(windows: Windows, at: number) {
    const { atr_short, atr_long } = windows;
    this.#at = at;
    this.#aShort = new SlidingMoments(atr_short);
    this.#bShort = new SlidingMoments(atr_short);
    this.#aLong = new SlidingMoments(atr_long);
    this.#bLong = new SlidingMoments(atr_long);
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

  step(frame: Frame, out: Float64Array): void {
    if (Number.isNaN(frame.returnA)) return;
    const { minute, a, b, previousCloseA, previousCloseB } = frame;
    const rangeA = Math.max(a.high, previousCloseA) - Math.min(a.low, previousCloseA);
    const rangeB = Math.max(b.high, previousCloseB) - Math.min(b.low, previousCloseB);
    this.#aShort.push(minute, rangeA);
    this.#bShort.push(minute, rangeB);
    this.#aLong.push(minute, rangeA);
    this.#bLong.push(minute, rangeB);
    if (!this.#aLong.full) return;
    const ratioA = ratioToUsual(this.#aShort.mean, this.#aLong.mean);
    const ratioB = ratioToUsual(this.#bShort.mean, this.#bLong.mean);
    out[this.#at] = ratioA;
    out[this.#at + 1] = ratioB;
    out[this.#at + 2] = Math.max(ratioA, ratioB);
  }
}
