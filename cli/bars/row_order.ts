import type { ForeignRow } from './bar_layout.ts';

/** Of the rows of a file: newest last, newest first, or neither. */
export type RowOrder = 'ascending' | 'descending' | 'none';

/** Rows of which so few go the other way are in order: the hour that a clock shows twice, a repeated page. */
const OTHER_WAY = 0.02;
/** Rows after which the order of a file shows. */
const SHOWN_ROWS = 2000;
/** Rows that are put in order in memory, some 56 bytes each: six years of minutes. */
export const MAX_ORDERED_ROWS = 3_000_000;

/** Watches in which order stamps come, and keeps them where they come in none, for later. */
export interface OrderWatch {
  add(time: number): void;
  order(): RowOrder;
  /** Ascending; null where the rows are in order, or too many. */
  sortedTimes(): Float64Array | null;
}

export function watchOrder(most = MAX_ORDERED_ROWS): OrderWatch {
  let up = 0;
  let down = 0;
  let previous = NaN;
  let kept: Float64Array | null = new Float64Array(SHOWN_ROWS);
  let length = 0;
  const order = (): RowOrder => {
    const other = Math.min(up, down);
    if (other > OTHER_WAY * (up + down)) return 'none';
    return down > up ? 'descending' : 'ascending';
  };
  return {
    add(time) {
      if (time > previous) up++;
      else if (time < previous) down++;
      previous = time;
      if (kept === null) return;
      if (length === SHOWN_ROWS && order() !== 'none') {
        kept = null;
        return;
      }
      if (length === kept.length) {
        if (length >= most) {
          kept = null;
          return;
        }
        const more: Float64Array = new Float64Array(Math.min(most, 2 * length));
        more.set(kept);
        kept = more;
      }
      kept[length++] = time;
    },
    order,
    sortedTimes: () => (kept === null || order() !== 'none' ? null : kept.slice(0, length).sort()),
  };
}

/** The numbers of a row that is read without a fault, and its open in epoch seconds. */
export interface TimedRow extends Pick<ForeignRow, 'open' | 'high' | 'low' | 'close' | 'volume'> {
  readonly time: number;
}

const FIELDS = ['time', 'open', 'high', 'low', 'close', 'volume'] as const;

/** Keeps rows, and gives them by their time; of one time, as they came. */
export function sortedRows(): { add(row: TimedRow): void; inOrder(): Generator<TimedRow, void> } {
  let capacity = SHOWN_ROWS;
  let length = 0;
  const columns = Object.fromEntries(FIELDS.map((name) => [name, new Float64Array(capacity)])) as Record<
    (typeof FIELDS)[number],
    Float64Array
  >;
  const grow = (): void => {
    capacity *= 2;
    for (const name of FIELDS) {
      const more = new Float64Array(capacity);
      more.set(columns[name]);
      columns[name] = more;
    }
  };
  return {
    add(row) {
      if (length === capacity) grow();
      for (const name of FIELDS) columns[name][length] = row[name];
      length++;
    },
    *inOrder() {
      const { time, open, high, low, close, volume } = columns;
      const places = Uint32Array.from({ length }, (_, i) => i).sort((i, j) => time[i]! - time[j]! || i - j);
      for (const i of places)
        yield {
          time: time[i]!,
          open: open[i]!,
          high: high[i]!,
          low: low[i]!,
          close: close[i]!,
          volume: volume[i]!,
        };
    },
  };
}
