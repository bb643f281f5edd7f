import type { Aggregate } from '../fold.ts';

/**
 * Mean, and comoment with time. Two doubles; results: mean, Σ (t − mean t)(x − mean x) with t in bars. The comoment of
 * two neighbors is the sum of theirs and (difference of means) · older bars · newer bars / 2, because the means of
 * their times are half of all bars apart.
 */
export const TREND: Aggregate = {
  name: 'trend',
  doubles: 2,
  inputs: 1,
  outputs: 2,
  merge(memory, older, olderBars, newer, newerBars, to) {
    const bars = olderBars + newerBars;
    const distance = memory[newer]! - memory[older]!;
    const mean = memory[older]! + (distance * newerBars) / bars;
    const comoment = memory[older + 1]! + memory[newer + 1]! + (distance * olderBars * newerBars) / 2;
    memory[to] = mean;
    memory[to + 1] = comoment;
  },
  advance(fold, at, length) {
    const memory = fold.memory;
    const input = fold.inputs[0]!;
    const means = fold.outputs[0]!;
    const comoments = fold.outputs[1]!;
    const { ringFrom, ringTo, stride, isFull, middleBars } = fold;
    const middleMean = memory[fold.middle]!;
    const middleComoment = memory[fold.middle + 1]!;
    let mean = memory[fold.running]!;
    let comoment = memory[fold.running + 1]!;
    let bars = fold.runningBars;
    let next = fold.next;
    let oldest = fold.oldest;
    let oldestBars = fold.oldestBars;
    let suffix = fold.suffix;
    const hasSuffix = fold.suffixesLeft > 0;
    const made = suffix + stride === ringTo ? ringFrom : suffix + stride;
    let suffixMean = memory[made]!;
    let suffixComoment = memory[made + 1]!;
    let suffixBars = fold.suffixBars;
    for (let i = at; i < at + length; i++) {
      const x = input[i]!;
      const distance = x - mean;
      comoment += (distance * bars) / 2;
      bars++;
      mean += distance / bars;
      memory[next] = x;
      memory[next + 1] = 0;
      next += stride;
      if (next === ringTo) next = ringFrom;
      if (hasSuffix) {
        const before = memory[suffix]!;
        suffixComoment += ((suffixMean - before) * suffixBars) / 2;
        suffixBars++;
        suffixMean += (before - suffixMean) / suffixBars;
        memory[suffix] = suffixMean;
        memory[suffix + 1] = suffixComoment;
        suffix = suffix === ringFrom ? ringTo - stride : suffix - stride;
      }
      if (isFull) {
        let wholeMean = memory[oldest]!;
        let wholeComoment = memory[oldest + 1]!;
        let wholeBars = oldestBars;
        if (middleBars > 0) {
          const apart = middleMean - wholeMean;
          const both = wholeBars + middleBars;
          wholeMean += (apart * middleBars) / both;
          wholeComoment = wholeComoment + middleComoment + (apart * wholeBars * middleBars) / 2;
          wholeBars = both;
        }
        const apart = mean - wholeMean;
        means[i] = wholeMean + (apart * bars) / (wholeBars + bars);
        comoments[i] = wholeComoment + comoment + (apart * wholeBars * bars) / 2;
        oldestBars--;
        oldest += stride;
        if (oldest === ringTo) oldest = ringFrom;
      } else {
        means[i] = NaN;
        comoments[i] = NaN;
      }
    }
    memory[fold.running] = mean;
    memory[fold.running + 1] = comoment;
    fold.next = next;
    fold.oldest = oldest;
    fold.suffix = suffix;
    fold.suffixBars = suffixBars;
    if (hasSuffix) fold.suffixesLeft -= length;
  },
};
