import type { ColumnPlanner, ColumnsOf } from './columns.ts';
import { MODEL_NAMES, type FeatureDefinition } from './feature.ts';

const MINUTES_PER_DAY = 1440;
const MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY;
/** 1970-01-01 was a Thursday: three days after the week's Monday. */
const EPOCH_MINUTE_OF_WEEK = 3 * MINUTES_PER_DAY;

type CalendarFeature = 'day_sin' | 'day_cos' | 'week_sin' | 'week_cos';

const shared = { window: 1, ddof: null, warmup_bars: 1, unit: '−1…1', models: MODEL_NAMES };
export const CALENDAR_FEATURES: readonly (FeatureDefinition & { readonly name: CalendarFeature })[] = [
  { ...shared, name: 'day_sin', formula: 'sin(2π · minute of the UTC day / 1440)' },
  { ...shared, name: 'day_cos', formula: 'cos of the same' },
  { ...shared, name: 'week_sin', formula: 'sin(2π · minute of the week from Monday 00:00 UTC / 10080)' },
  { ...shared, name: 'week_cos', formula: 'cos of the same' },
];

/** The position of the bar's open in the UTC day and week, on a circle so that midnight has no edge. */
export class Calendar {
  readonly #columns: ColumnsOf<CalendarFeature>;
  #minute = NaN;
  #daySin = NaN;
  #dayCos = NaN;
  #weekSin = NaN;
  #weekCos = NaN;

  constructor(columns: ColumnPlanner) {
    this.#columns = columns.declare(CALENDAR_FEATURES);
  }

  step(minute: number, out: Float64Array, row: number): void {
    // All pairs of a batch are mostly at the same minute.
    if (minute !== this.#minute) this.#turnTo(minute);
    const columns = this.#columns;
    out[row + columns.day_sin] = this.#daySin;
    out[row + columns.day_cos] = this.#dayCos;
    out[row + columns.week_sin] = this.#weekSin;
    out[row + columns.week_cos] = this.#weekCos;
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
