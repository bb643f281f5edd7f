import type { OpenTime } from '../bar.ts';
import type { BarColumns, BarFlow } from './bar_file.ts';
import { emptyColumns } from './bar_file.ts';

/** A row whose minute already had other numbers; the first copy was kept. Prices as `open high low close volume`. */
export interface ConflictingRow {
  readonly time: OpenTime;
  readonly kept: string;
  readonly seen: string;
}

export interface MergedBars {
  /** Ascending, each minute once. A column of spreads, taker volumes or trades is there when any bar has one. */
  readonly columns: BarColumns;
  readonly added: number;
  readonly duplicates: number;
  readonly conflicts: number;
  /** The first 20. */
  readonly conflicting: readonly ConflictingRow[];
  /** Opens of the first and the last bar in conflict, epoch seconds; null without one. */
  readonly conflictPeriod: readonly [first: number, last: number] | null;
}

export const CONFLICTS_SHOWN = 20;
const VALUE_NAMES = ['open', 'high', 'low', 'close', 'volume'] as const;

/**
 * Existing bars (ascending) before new ones, earlier rows before later ones: the first bar of a minute wins. `rows` may
 * be in any order and repeat minutes.
 */
export function mergeBars(existing: BarColumns | null, rows: BarColumns): MergedBars {
  const order = ascendingOrder(rows);
  const have = existing?.length ?? 0;
  const merged = emptyColumns(have + rows.length);
  const flow = flowColumns(have + rows.length, existing, rows);
  const conflicting: ConflictingRow[] = [];
  let length = 0;
  let next = 0;
  let added = 0;
  let duplicates = 0;
  let conflicts = 0;
  let conflictPeriod: [number, number] | null = null;
  const take = (from: BarColumns, i: number): void => {
    merged.time[length] = from.time[i]!;
    for (const name of VALUE_NAMES) merged[name][length] = from[name][i]!;
    merged.spread[length] = from.spread?.[i] ?? NaN;
    if (flow.takerBuyVolume !== null) flow.takerBuyVolume[length] = from.flow?.takerBuyVolume?.[i] ?? NaN;
    if (flow.trades !== null) flow.trades[length] = from.flow?.trades?.[i] ?? NaN;
    length++;
  };
  const takeExisting = (until: number): void => {
    for (; next < have && existing!.time[next]! <= until; next++) take(existing!, next);
  };
  for (let position = 0; position < rows.length; position++) {
    const i = order === null ? position : order[position]!;
    takeExisting(rows.time[i]!);
    const last = length - 1;
    if (last < 0 || merged.time[last] !== rows.time[i]) {
      take(rows, i);
      added++;
    } else if (isSameBar(merged, last, rows, i)) {
      duplicates++;
    } else {
      conflicts++;
      conflictPeriod = widened(conflictPeriod, rows.time[i]!);
      if (conflicting.length < CONFLICTS_SHOWN) conflicting.push(conflictOf(merged, last, rows, i));
    }
  }
  takeExisting(Infinity);
  const cut = (column: Float64Array): Float64Array => column.subarray(0, length);
  const spread = cut(merged.spread);
  return {
    columns: {
      symbol: rows.symbol,
      length,
      time: cut(merged.time),
      open: cut(merged.open),
      high: cut(merged.high),
      low: cut(merged.low),
      close: cut(merged.close),
      volume: cut(merged.volume),
      spread: spread.every(Number.isNaN) ? null : spread,
      ...((flow.takerBuyVolume ?? flow.trades) !== null && {
        flow: {
          takerBuyVolume: flow.takerBuyVolume && cut(flow.takerBuyVolume),
          trades: flow.trades && cut(flow.trades),
        },
      }),
    },
    added,
    duplicates,
    conflicts,
    conflicting,
    conflictPeriod,
  };
}

/** A period that has this time too. */
export function widened(period: readonly [number, number] | null, time: number): [number, number] {
  return period === null ? [time, time] : [Math.min(period[0], time), Math.max(period[1], time)];
}

/** The numbers of a bar, without its symbol and time. */
export type BarValues = Pick<BarColumns, (typeof VALUE_NAMES)[number] | 'spread' | 'time'>;

/** Returns whether two bars of the same minute are equal. A spread that only one of them has is no contradiction. */
export function isSameBar(a: BarValues, i: number, b: BarValues, j: number): boolean {
  const spread = a.spread?.[i] ?? NaN;
  const other = b.spread?.[j] ?? NaN;
  const isSameSpread = spread === other || Number.isNaN(spread) || Number.isNaN(other);
  return isSameSpread && VALUE_NAMES.every((name) => a[name][i] === b[name][j]);
}

export function conflictOf(kept: BarValues, i: number, seen: BarValues, j: number): ConflictingRow {
  const text = (bars: BarValues, index: number): string => VALUE_NAMES.map((name) => bars[name][index]).join(' ');
  return { time: seen.time[j]! as OpenTime, kept: text(kept, i), seen: text(seen, j) };
}

/** Pages of one symbol, in order, as one. */
export function joinBars(symbol: string, pages: readonly BarColumns[]): BarColumns {
  if (pages.length === 1) return pages[0]!;
  const length = pages.reduce((sum, page) => sum + page.length, 0);
  const joined = emptyColumns(length);
  joined.spread.fill(NaN);
  let at = 0;
  for (const page of pages) {
    for (const name of ['time', ...VALUE_NAMES] as const) joined[name].set(page[name].subarray(0, page.length), at);
    if (page.spread !== null) joined.spread.set(page.spread.subarray(0, page.length), at);
    at += page.length;
  }
  const { spread, ...own } = joined;
  return { symbol, length, ...own, spread: pages.some((page) => page.spread !== null) ? spread : null };
}

/** Columns to be filled in, where any of these bars has a value. */
function flowColumns(length: number, existing: BarColumns | null, rows: BarColumns): BarFlow {
  const isKnown = (name: keyof BarFlow): boolean =>
    [existing, rows].some((own) => (own?.flow?.[name] ?? null) !== null);
  const column = (name: keyof BarFlow): Float64Array | null => (isKnown(name) ? new Float64Array(length) : null);
  return { takerBuyVolume: column('takerBuyVolume'), trades: column('trades') };
}

/** Row numbers by ascending time, equal times in the order of the rows; null when the rows ascend as they are. */
function ascendingOrder({ time, length }: BarColumns): Uint32Array | null {
  let isAscending = true;
  for (let i = 1; i < length && isAscending; i++) isAscending = time[i]! >= time[i - 1]!;
  if (isAscending) return null;
  return Uint32Array.from({ length }, (_, i) => i).sort((i, j) => time[i]! - time[j]! || i - j);
}
