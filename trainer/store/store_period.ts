import type { OpenTime } from '../../shared/bar.ts';

/** [from, to); a side that is not given is open. */
export interface StorePeriod {
  readonly from?: OpenTime;
  readonly to?: OpenTime;
}
