import type { OpenTime } from '../../bar.ts';
import type { OtherBarsAt } from './other_values.ts';

/** The bars that the symbols of a group have at one time. A pair has one where both of its legs do. */
export interface GroupBar {
  readonly time: OpenTime;
  readonly bars: OtherBarsAt;
}

/** The next bars of a group. */
export interface GroupBars {
  /** See `groupId`. */
  readonly group: string;
  /** Ascending; each bar of a group is given out once. */
  readonly bars: readonly GroupBar[];
  /** No pair of the group will be compared at an earlier time any more. */
  readonly neededFrom: number;
}
