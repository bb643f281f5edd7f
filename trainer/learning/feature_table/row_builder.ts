import { LATEST_TIME_S, SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { LABEL_COLUMNS, type ColumnIdentity, type LabelColumn, type TableRows } from './feature_table.ts';

const FIRST_ROWS = 1024;
export const KEY_COLUMNS = ['pair_id', 'time'] as const;

/** The feature columns of a table, i.e. those that are neither keys nor labels. */
export function featureColumns(names: readonly string[]): ColumnIdentity[] {
  const others: ReadonlySet<string> = new Set<string>([...KEY_COLUMNS, ...LABEL_COLUMNS]);
  return names.filter((name) => !others.has(name)).map((name) => ({ name }));
}

/** @throws MinutehandError TABLE_FORMAT if a key column is missing, or only some labels are present */
export function checkColumns(place: string, names: readonly string[]): void {
  const absent = KEY_COLUMNS.filter((name) => !names.includes(name));
  const labels = LABEL_COLUMNS.filter((name) => names.includes(name));
  const lacking = labels.length === 0 ? [] : LABEL_COLUMNS.filter((name) => !names.includes(name));
  if (absent.length + lacking.length === 0) return;
  throw new MinutehandError('TABLE_FORMAT', {
    seen: `${place} has no column ${[...absent, ...lacking].join(', ')}`,
    expected: `${KEY_COLUMNS.join(', ')}, the features, and all labels or none: ${LABEL_COLUMNS.join(', ')}`,
    next: 'Add the columns; `minutehand dataset export` writes such a table.',
  });
}

/** Collects the rows of one pair. */
export class RowBuilder {
  readonly #place: string;
  readonly #width: number;
  readonly #labels: boolean;
  #time = new Float64Array(FIRST_ROWS);
  #features: Float32Array<ArrayBuffer>;
  #cells: Float64Array<ArrayBuffer>;
  #count = 0;

  constructor(place: string, width: number, labels: boolean) {
    this.#place = place;
    this.#width = width;
    this.#labels = labels;
    this.#features = new Float32Array(FIRST_ROWS * width);
    this.#cells = new Float64Array(labels ? FIRST_ROWS * LABEL_COLUMNS.length : 0);
  }

  /**
   * @param feature value of a feature by its index
   * @param label value of a label by its index in LABEL_COLUMNS
   * @throws MinutehandError TABLE_FORMAT for a time that is not a bar open, or not after the previous one
   */
  add(time: number, feature: (place: number) => number, label: (place: number) => number): void {
    this.#checkTime(time);
    if (this.#count === this.#time.length) this.#grow();
    const row = this.#count++;
    this.#time[row] = time;
    for (let i = 0; i < this.#width; i++) this.#features[row * this.#width + i] = feature(i);
    if (!this.#labels) return;
    for (let i = 0; i < LABEL_COLUMNS.length; i++) this.#cells[row * LABEL_COLUMNS.length + i] = label(i);
  }

  finish(): TableRows {
    const length = this.#count;
    const labels = this.#labels
      ? (Object.fromEntries(
          LABEL_COLUMNS.map((name, place) => [
            name,
            Float64Array.from({ length }, (_, row) => this.#cells[row * LABEL_COLUMNS.length + place]!),
          ]),
        ) as Record<LabelColumn, Float64Array>)
      : null;
    return {
      length,
      time: this.#time.slice(0, length),
      features: this.#features.slice(0, length * this.#width),
      labels,
    };
  }

  #checkTime(time: number): void {
    const before = this.#count === 0 ? -Infinity : this.#time[this.#count - 1]!;
    if (time > before && time % SECONDS_PER_BAR === 0 && time < LATEST_TIME_S) return;
    throw new MinutehandError('TABLE_FORMAT', {
      seen: `${this.#place}: time ${time}${time >= LATEST_TIME_S ? ', which looks like milliseconds' : ''}`,
      expected: 'bar opens in epoch seconds, ascending within a pair, each once',
      next: 'Correct the times, or sort the rows by pair_id and time.',
    });
  }

  #grow(): void {
    const double = <T extends Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(values: T): T => {
      const larger = new (values.constructor as new (length: number) => T)(values.length * 2);
      larger.set(values);
      return larger;
    };
    this.#time = double(this.#time);
    this.#features = double(this.#features);
    this.#cells = double(this.#cells);
  }
}
