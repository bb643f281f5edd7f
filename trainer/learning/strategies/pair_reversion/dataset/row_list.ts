import type { BarLabels } from '../label/pair_labels.ts';
import { partOfHistory, type KeptHistory } from '../../../history/kept_history.ts';

/** Parts of a row other than labels. */
export interface WithHistory {
  readonly history: KeptHistory;
}

/** Labeled bars selected as rows, ordered by pair, then time. 12 bytes per row. */
export interface RowList {
  readonly length: number;
  /** Index of the build. */
  readonly pair: Int32Array;
  /** Index in the build's labels. */
  readonly place: Int32Array;
  /** Bar in the build's history. */
  readonly bar: Int32Array;
}

/**
 * Labeled bars selected by `isWanted`, at most `most`: evenly spread, so that no pair and no time is favored.
 * @param labelsOf the relevant labels of a build
 */
export function selectRows<Build extends WithHistory>(
  builds: readonly Build[],
  labelsOf: (build: Build) => BarLabels,
  isWanted: (time: number, labelEnd: number) => boolean,
  most: number,
): RowList {
  const wantedOf = (build: Build, visit: (place: number, bar: number) => void): void => {
    const { bar, end } = labelsOf(build);
    const { time } = partOfHistory(build.history, 'time');
    for (let i = 0; i < bar.length; i++) if (isWanted(time[bar[i]!]!, time[end[i]!]!)) visit(i, bar[i]!);
  };
  let wanted = 0;
  for (const build of builds) wantedOf(build, () => wanted++);

  const length = Math.min(wanted, most);
  const list = { pair: new Int32Array(length), place: new Int32Array(length), bar: new Int32Array(length) };
  let seen = 0;
  let row = 0;
  builds.forEach((build, pair) =>
    wantedOf(build, (place, bar) => {
      // Row i is the sampled bar ⌊i · wanted / length⌋.
      if (row < length && seen++ === Math.floor((row * wanted) / length)) {
        list.pair[row] = pair;
        list.place[row] = place;
        list.bar[row] = bar;
        row++;
      }
    }),
  );
  return { length, ...list };
}

/** Whether both lists have the same bars, and so the same features. */
export function hasSameBars(a: RowList, b: RowList): boolean {
  return (
    a.length === b.length && a.bar.every((bar, i) => bar === b.bar[i]) && a.pair.every((pair, i) => pair === b.pair[i])
  );
}
