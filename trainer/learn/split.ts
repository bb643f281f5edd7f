import { MISSING_BIN, type BinnedMatrix } from './binning.ts';
import { BIN_STRIDE, SLOT_STRIDE, type Gradients } from './histogram.ts';

/** Integer sums over the rows of a leaf, in the units of the round's gradients. */
export interface Sums {
  readonly gradient: number;
  readonly hessian: number;
  readonly count: number;
}

/** Rows with bin ≤ `bin` go left, the missing ones where `missingLeft` says. */
export interface Split {
  readonly slot: number;
  readonly bin: number;
  readonly missingLeft: boolean;
  /** In units of the loss, without the usual factor ½. */
  readonly gain: number;
  readonly left: Sums;
  readonly right: Sums;
}

export interface SplitRules {
  readonly l2: number;
  readonly minGain: number;
  readonly minDataInLeaf: number;
}

/**
 * The best split of a leaf by second-order gain, G_l²/(H_l+λ) + G_r²/(H_r+λ) − G²/(H+λ) (Friedman 2001; Chen &
 * Guestrin 2016, eq. 7, without ½), trying missing values on both sides; null when none gains more than `minGain`.
 * Equal gains go to the lowest slot, then the lowest bin, then missing on the right. Where a leaf has no missing value
 * of the column, those that come later follow the larger child (the left one when equal).
 */
export function findSplit(
  histogram: Float64Array,
  data: BinnedMatrix,
  slots: Int32Array,
  total: Sums,
  gradients: Gradients,
  rules: SplitRules,
): Split | null {
  const { minDataInLeaf } = rules;
  if (total.count < 2 * minDataInLeaf) return null;
  const { countRange, gradientUnit, hessianUnit } = gradients;
  const perCount = 1 / countRange;
  // All comparisons are in integer units: gain = unitGain * what is compared here.
  const unitGain = (gradientUnit * gradientUnit) / hessianUnit;
  const l2 = rules.l2 / hessianUnit;
  const { gradient: G, hessian: H, count: N } = total;
  const parent = (G * G) / (H + l2);

  let best = parent + rules.minGain / unitGain;
  let found = false;
  let bestSlot = 0;
  let bestBin = 0;
  let bestMissingLeft = false;
  let bestGradient = 0;
  let bestHessian = 0;
  let bestCount = 0;

  for (let s = 0; s < slots.length; s++) {
    const slot = slots[s]!;
    const base = slot * SLOT_STRIDE;
    const bins = data.edges[slot]!.length + 1;
    const missing = base + MISSING_BIN * BIN_STRIDE;
    const missingGradient = histogram[missing]!;
    const missingPacked = histogram[missing + 1]!;
    const missingHessian = Math.floor(missingPacked * perCount);
    const missingCount = missingPacked - missingHessian * countRange;
    // With missing rows there is one more split: every value left, missing right.
    const lastBin = missingCount > 0 ? bins - 1 : bins - 2;
    let gradient = 0;
    let packed = 0;
    for (let bin = 0; bin <= lastBin; bin++) {
      const at = base + bin * BIN_STRIDE;
      if (histogram[at + 1] === 0) continue;
      gradient += histogram[at]!;
      packed += histogram[at + 1]!;
      const hessian = Math.floor(packed * perCount);
      const count = packed - hessian * countRange;
      if (count + missingCount < minDataInLeaf) continue;
      if (N - count < minDataInLeaf) break;
      const rightGradient = G - gradient;
      if (count >= minDataInLeaf) {
        const gain = (gradient * gradient) / (hessian + l2) + (rightGradient * rightGradient) / (H - hessian + l2);
        if (gain > best) {
          best = gain;
          found = true;
          bestSlot = slot;
          bestBin = bin;
          bestMissingLeft = missingCount === 0 && 2 * count >= N;
          bestGradient = gradient;
          bestHessian = hessian;
          bestCount = count;
        }
      }
      if (missingCount > 0 && N - count - missingCount >= minDataInLeaf) {
        const withGradient = gradient + missingGradient;
        const withHessian = hessian + missingHessian;
        const without = G - withGradient;
        const gain = (withGradient * withGradient) / (withHessian + l2) + (without * without) / (H - withHessian + l2);
        if (gain > best) {
          best = gain;
          found = true;
          bestSlot = slot;
          bestBin = bin;
          bestMissingLeft = true;
          bestGradient = withGradient;
          bestHessian = withHessian;
          bestCount = count + missingCount;
        }
      }
    }
  }
  if (!found) return null;
  return {
    slot: bestSlot,
    bin: bestBin,
    missingLeft: bestMissingLeft,
    gain: (best - parent) * unitGain,
    left: { gradient: bestGradient, hessian: bestHessian, count: bestCount },
    right: { gradient: G - bestGradient, hessian: H - bestHessian, count: N - bestCount },
  };
}
