import type { Aggregate } from '../fold.ts';

/**
 * Mean and centered second moment. Two doubles; results: mean, Σ (x − mean)². Chan, Golub, LeVeque, "Updating formulae
 * and a pairwise algorithm for computing sample variances" (1979).
 */
export const MOMENTS: Aggregate = {
  name: 'moments',
  doubles: 2,
  inputs: 1,
  outputs: 2,
  merge(memory, older, olderBars, newer, newerBars, to) {
    const bars = olderBars + newerBars;
    const distance = memory[newer]! - memory[older]!;
    const mean = memory[older]! + (distance * newerBars) / bars;
    const moment = memory[older + 1]! + memory[newer + 1]! + (distance * distance * olderBars * newerBars) / bars;
    memory[to] = mean;
    memory[to + 1] = moment;
  },
  advance(fold, at, length) {
    const memory = fold.memory;
    const input = fold.inputs[0]!;
    const means = fold.outputs[0]!;
    const moments = fold.outputs[1]!;
    const { ringFrom, ringTo, stride, isFull, middleBars } = fold;
    const middleMean = memory[fold.middle]!;
    const middleMoment = memory[fold.middle + 1]!;
    let mean = memory[fold.running]!;
    let moment = memory[fold.running + 1]!;
    let bars = fold.runningBars;
    let next = fold.next;
    let oldest = fold.oldest;
    let oldestBars = fold.oldestBars;
    let suffix = fold.suffix;
    const hasSuffix = fold.suffixesLeft > 0;
    const made = suffix + stride === ringTo ? ringFrom : suffix + stride;
    let suffixMean = memory[made]!;
    let suffixMoment = memory[made + 1]!;
    let suffixBars = fold.suffixBars;
    for (let i = at; i < at + length; i++) {
      const x = input[i]!;
      bars++;
      const distance = x - mean;
      mean += distance / bars;
      moment += distance * (x - mean);
      memory[next] = x;
      memory[next + 1] = 0;
      next += stride;
      if (next === ringTo) next = ringFrom;
      if (hasSuffix) {
        const before = memory[suffix]!;
        const away = before - suffixMean;
        suffixBars++;
        suffixMean += away / suffixBars;
        suffixMoment += away * (before - suffixMean);
        memory[suffix] = suffixMean;
        memory[suffix + 1] = suffixMoment;
        suffix = suffix === ringFrom ? ringTo - stride : suffix - stride;
      }
      if (isFull) {
        let wholeMean = memory[oldest]!;
        let wholeMoment = memory[oldest + 1]!;
        let wholeBars = oldestBars;
        if (middleBars > 0) {
          const apart = middleMean - wholeMean;
          const both = wholeBars + middleBars;
          wholeMean += (apart * middleBars) / both;
          wholeMoment = wholeMoment + middleMoment + (apart * apart * wholeBars * middleBars) / both;
          wholeBars = both;
        }
        const apart = mean - wholeMean;
        const both = wholeBars + bars;
        means[i] = wholeMean + (apart * bars) / both;
        moments[i] = wholeMoment + moment + (apart * apart * wholeBars * bars) / both;
        oldestBars--;
        oldest += stride;
        if (oldest === ringTo) oldest = ringFrom;
      } else {
        means[i] = NaN;
        moments[i] = NaN;
      }
    }
    memory[fold.running] = mean;
    memory[fold.running + 1] = moment;
    fold.next = next;
    fold.oldest = oldest;
    fold.suffix = suffix;
    fold.suffixBars = suffixBars;
    if (hasSuffix) fold.suffixesLeft -= length;
  },
};
