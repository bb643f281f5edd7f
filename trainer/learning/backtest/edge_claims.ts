import { holm } from '../statistics/holm.ts';
import type { MeanTest } from '../statistics/mean_test.ts';

/** A claim of an edge, with its test. */
export interface EdgeClaim {
  readonly test: MeanTest | null;
  /** Adjusted; null without a test. */
  readonly p_value: number | null;
  /** Lower bound of the mean at the level at which the claim was tested; null without a test. */
  readonly lower_net_bps: number | null;
  readonly no_edge: boolean;
}

/**
 * Which of these claims hold, so that a single false one has a probability of at most `level` over all of them (Holm).
 * @param variants as many models make these claims on the same bars
 */
export function judgeClaims(tests: readonly (MeanTest | null)[], variants: number, level: number): EdgeClaim[] {
  const ps = tests.map((test) => Math.min(1, (test?.p ?? 1) * variants));
  const adjusted = holm(ps);
  return tests.map((test, i) => {
    if (test === null) return { test, p_value: null, lower_net_bps: null, no_edge: true };
    const p_value = adjusted[i]!;
    // Claims that Holm's procedure had to reject before this one.
    const before = ps.filter((p, other) => p < ps[i]! && adjusted[other]! < level).length;
    const own = level / (tests.length - before) / variants;
    return { test, p_value, lower_net_bps: test.lowerBound(own), no_edge: !(p_value < level) };
  });
}
