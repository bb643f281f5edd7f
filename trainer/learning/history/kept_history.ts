import { HISTORY_COLUMNS, type HistoryColumns, type PairHistory, type PriceHistory } from './pair_history.ts';

/** Arrays of a history. */
export type HistoryPart = keyof HistoryColumns | 'row' | 'features';

/** Some arrays of a history, with what is known without them. */
export type PartOfHistory<Part extends HistoryPart> = Pick<PairHistory, Part> &
  Pick<PairHistory, 'pair' | 'length' | 'rows'>;

/** A pair's history outside of memory: 112 bytes per bar and 4 per kept feature, read when they are needed. */
export interface StoredHistory extends Pick<PairHistory, 'pair' | 'length' | 'rows'> {
  /**
   * These arrays, read anew. They are the caller's alone, but none may be written to.
   * @param space memory to read them into, which the next history that is read into it overwrites
   */
  read<Part extends HistoryPart>(parts: readonly Part[], space?: HistorySpace): Pick<PairHistory, Part>;
}

/** Memory, by the name of an array, that one history after the other is read into. */
export type HistorySpace = Map<string, ArrayBuffer>;

/** A history in memory or outside of it. */
export type KeptHistory = PairHistory | StoredHistory;

/** These arrays of a history; those of one in memory are not copied. */
export function partOfHistory<Part extends HistoryPart>(history: KeptHistory, ...parts: Part[]): PartOfHistory<Part> {
  return readParts(history, parts);
}

function readParts<Part extends HistoryPart>(
  history: KeptHistory,
  parts: readonly Part[],
  space?: HistorySpace,
): PartOfHistory<Part> {
  if (!('read' in history)) return history;
  const { pair, length, rows } = history;
  return { ...history.read(parts, space), pair, length, rows };
}

/** A history with all of its arrays in memory. */
export function wholeHistory(history: KeptHistory): PairHistory {
  return partOfHistory(history, ...HISTORY_COLUMNS, 'row', 'features');
}

/** A history without features, from which labels and backtests are made. */
export function pricesOf(history: KeptHistory): PriceHistory {
  return partOfHistory(history, ...HISTORY_COLUMNS);
}

/**
 * Histories for rows in order of pairs: the arrays of the last pair that was asked for are in memory, and no others.
 * All pairs are read into the same memory: without that, a hundred megabytes of them would wait for garbage collection.
 * @returns the arrays of a history by its index, until another one is asked for
 */
export function historiesInTurn<Part extends HistoryPart>(
  histories: readonly KeptHistory[],
  ...parts: Part[]
): (index: number) => PartOfHistory<Part> {
  const space: HistorySpace = new Map();
  let last = -1;
  let part: PartOfHistory<Part>;
  return (index) => {
    if (index !== last) {
      last = index;
      part = readParts(histories[index]!, parts, space);
    }
    return part;
  };
}
