import type { InputDescription } from '../shared/bundle/input_novelty.ts';
import type { Rng } from '../shared/ports.ts';

const CENTERS = 3;
/** Of the columns of a model. */
const DESCRIBED_SHARE = 0.3;

/** A description of rows that no training had: it only needs to find some bars novel, and others not. */
export function drawnDescription(rng: Rng, features: readonly string[]): InputDescription {
  const drawn = features.filter(() => rng.uniform() < DESCRIBED_SHARE);
  const columns = drawn.length === 0 ? features.slice(0, 1) : drawn;
  const each = (of: () => number): number[] => columns.map(of);
  return {
    columns,
    median: each(() => 0.3 * rng.normal()),
    scale: each(() => 0.2 + rng.uniform()),
    missing: each(() => (rng.integer(2) === 0 ? 0 : 8)),
    centers: Array.from({ length: CENTERS }, () => each(() => rng.normal())),
    distances: [0.5, 1, 2, 3, 5],
    farther: [1, 0.8, 0.4, 0.2, 0],
  };
}
