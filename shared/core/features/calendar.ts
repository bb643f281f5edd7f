import type { FeatureDefinition, ModelName } from './feature.ts';

const MINUTES_PER_DAY = 1440;
const MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY;
/** 1970-01-01 was a Thursday: three days after the week's Monday. */
const EPOCH_MINUTE_OF_WEEK = 3 * MINUTES_PER_DAY;

/** Where the bar's open stands in the UTC day and week, on a circle so that midnight has no edge. */
export class Calendar {
  readonly features: readonly FeatureDefinition[];
  #minute = NaN;
  #daySin = NaN;
  #dayCos = NaN;
  #weekSin = NaN;
  #weekCos = NaN;

  constructor() {
    const models: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    const shared = { window: 1, ddof: null, warmup_bars: 1, unit: '−1…1', models };
    this.features = [
      { ...shared, name: 'day_sin', formula: 'sin(2π · minute of the UTC day / 1440)' },
      { ...shared, name: 'day_cos', formula: 'cos of the same' },
      { ...shared, name: 'week_sin', formula: 'sin(2π · minute of the week from Monday 00:00 UTC / 10080)' },
      { ...shared, name: 'week_cos', formula: 'cos of the same' },
    ];
  }

  step(minute: number, out: Float64Array, at: number): void {
    // All pairs of a batch are mostly at the same minute.
    if (minute !== this.#minute) this.#turnTo(minute);
    out[at] = this.#daySin;
    out[at + 1] = this.#dayCos;
    out[at + 2] = this.#weekSin;
    out[at + 3] = this.#weekCos;
  }

  #turnTo(minute: number): void {
    const day = (2 * Math.PI * (minute % MINUTES_PER_DAY)) / MINUTES_PER_DAY;
    const week = (2 * Math.PI * ((minute + EPOCH_MINUTE_OF_WEEK) % MINUTES_PER_WEEK)) / MINUTES_PER_WEEK;
    this.#minute = minute;
    this.#daySin = Math.sin(day);
    this.#dayCos = Math.cos(day);
    this.#weekSin = Math.sin(week);
    this.#weekCos = Math.cos(week);
  }
}
