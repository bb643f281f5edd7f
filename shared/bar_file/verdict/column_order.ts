import type { InspectedBar } from './inspected_bar.ts';
import type { Finding } from './finding.ts';

/** Rows that an order of columns is judged by. */
const MIN_ROWS = 30;
/** Of the rows with four different prices. */
const CLEAR_SHARE = 0.98;
/** Neighbors in which one of two fits is strictly better. */
const MIN_NEIGHBORS = 50;
const CLEAR_NEIGHBORS = 0.8;
/** Neighbors of one stretch, by which columns that were exchanged in a part of the bars are found. */
const STRETCH = 400;
const MIN_STRETCH = 100;
const COLUMNS = ['open', 'high', 'low', 'close', 'volume'] as const;
type Column = (typeof COLUMNS)[number];
type Price = Exclude<Column, 'volume'>;

/**
 * Finds columns that were exchanged. The high is never below and the low never above the other prices; and a bar opens
 * near the close before it, so open and close that were exchanged fit the neighbor after better than the one before.
 */
export function createColumnOrder() {
  /** How often each column was the greatest and the smallest of the four prices, in rows where that is one column. */
  const greatest = { open: 0, high: 0, low: 0, close: 0 };
  const smallest = { open: 0, high: 0, low: 0, close: 0 };
  const prices = ['open', 'high', 'low', 'close'] as const;
  /** How often the other four numbers agree within a tenth without this one. */
  const outlying: Record<Column, number> = { open: 0, high: 0, low: 0, close: 0, volume: 0 };
  /** Rows that were refused for their geometry, and those of them whose high and low are the other way round. */
  const refused = { rows: 0, turned: 0 };
  let rows = 0;
  let maxima = 0;
  let minima = 0;
  let asNamed = 0;
  let exchanged = 0;
  const stretch = { asNamed: 0, exchanged: 0, from: NaN };
  const part = { exchanged: 0, of: 0, from: NaN };
  const endStretch = (): void => {
    const decided = stretch.asNamed + stretch.exchanged;
    if (stretch.exchanged > CLEAR_NEIGHBORS * decided) {
      if (part.of === 0) part.from = stretch.from;
      part.exchanged += stretch.exchanged;
      part.of += decided;
    }
    stretch.asNamed = 0;
    stretch.exchanged = 0;
  };
  function add(bar: Omit<InspectedBar, 'time'>): void {
    const { open, high, low, close } = bar;
    const top = Math.max(open, high, low, close);
    const bottom = Math.min(open, high, low, close);
    if (!(bottom > 0 && top < Infinity)) return;
    rows++;
    // Every bar comes here: no list is made of its four prices.
    const highest = onlyOne(bar, top);
    if (highest !== null) {
      maxima++;
      greatest[highest]++;
    }
    const lowest = onlyOne(bar, bottom);
    if (lowest !== null) {
      minima++;
      smallest[lowest]++;
    }
    if (bottom > 0 && top / bottom > 1.5 && bar.volume > 0) {
      for (const name of COLUMNS) {
        const others = COLUMNS.filter((other) => other !== name).map((other) => bar[other]);
        if (Math.max(...others) / Math.min(...others) < 1.1) outlying[name]++;
      }
    }
  }
  return {
    add,
    /** A row whose high or low is not its highest or lowest price. */
    addRefused(bar: Omit<InspectedBar, 'time'>): void {
      add(bar);
      const { open, high, low, close } = bar;
      refused.rows++;
      if (low > high && low >= Math.max(open, close) && high <= Math.min(open, close)) refused.turned++;
    },

    addNeighbors(earlier: InspectedBar, later: InspectedBar, isAdjacent: boolean): void {
      if (!isAdjacent) return;
      const named = Math.abs(later.open - earlier.close);
      const other = Math.abs(later.close - earlier.open);
      if (named === other) return;
      if (stretch.asNamed + stretch.exchanged === 0) stretch.from = earlier.time;
      if (named < other) {
        asNamed++;
        stretch.asNamed++;
      } else {
        exchanged++;
        stretch.exchanged++;
      }
      if (stretch.asNamed + stretch.exchanged === STRETCH) endStretch();
    },

    findings(): Finding[] {
      if (rows < MIN_ROWS) return [];
      if (stretch.asNamed + stretch.exchanged >= MIN_STRETCH) endStretch();
      const apart = COLUMNS.find((name) => name !== 'volume' && outlying[name] > CLEAR_SHARE * rows);
      if (apart !== undefined)
        return [swapped('magnitude', { columns: `${apart}, volume`, rows: outlying[apart], of: rows })];
      const high = prices.find((name) => maxima >= MIN_ROWS && greatest[name] > CLEAR_SHARE * maxima);
      const low = prices.find((name) => minima >= MIN_ROWS && smallest[name] > CLEAR_SHARE * minima);
      if (high !== undefined && low !== undefined && (high !== 'high' || low !== 'low')) {
        const moved = prices.filter((name) => name === high || name === low || name === 'high' || name === 'low');
        return [
          swapped('geometry', {
            columns: moved.join(', '),
            high_is: high,
            low_is: low,
            rows: Math.min(greatest[high], smallest[low]),
            of: Math.min(maxima, minima),
          }),
        ];
      }
      const decided = asNamed + exchanged;
      if (decided >= MIN_NEIGHBORS && exchanged > CLEAR_NEIGHBORS * decided)
        return [swapped('continuity', { columns: 'open, close', rows: exchanged, of: decided })];
      if (refused.turned >= MIN_ROWS && refused.turned > CLEAR_SHARE * refused.rows)
        return [swapped('refused_rows', { columns: 'high, low', rows: refused.turned, of: refused.rows })];
      if (part.of > 0)
        return [swapped('part', { columns: 'open, close', rows: part.exchanged, of: part.of, from: part.from })];
      return [];
    },
  };
}

/** The only price of a bar that has this value; null where several have it. */
function onlyOne({ open, high, low, close }: Omit<InspectedBar, 'time'>, value: number): Price | null {
  const isOpen = open === value;
  const isHigh = high === value;
  const isLow = low === value;
  const isClose = close === value;
  if (Number(isOpen) + Number(isHigh) + Number(isLow) + Number(isClose) !== 1) return null;
  if (isOpen) return 'open';
  if (isHigh) return 'high';
  return isLow ? 'low' : 'close';
}

function swapped(by: string, values: Finding['values']): Finding {
  return { code: 'SWAPPED', by, values };
}
