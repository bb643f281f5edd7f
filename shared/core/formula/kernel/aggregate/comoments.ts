import type { Aggregate } from '../fold.ts';

/**
 * Regression of y on x. Five doubles; results: mean x, mean y, Σ (x − mean x)², Σ (y − mean y)², Σ (x − mean x)(y −
 * mean y). Chan, Golub, LeVeque (1979), as `moments`.
 */
export const COMOMENTS: Aggregate = {
  name: 'comoments',
  doubles: 5,
  inputs: 2,
  outputs: 5,
  merge(memory, older, olderBars, newer, newerBars, to) {
    const bars = olderBars + newerBars;
    const distanceX = memory[newer]! - memory[older]!;
    const distanceY = memory[newer + 1]! - memory[older + 1]!;
    const weight = (olderBars * newerBars) / bars;
    memory[to] = memory[older]! + (distanceX * newerBars) / bars;
    memory[to + 1] = memory[older + 1]! + (distanceY * newerBars) / bars;
    memory[to + 2] = memory[older + 2]! + memory[newer + 2]! + distanceX * distanceX * weight;
    memory[to + 3] = memory[older + 3]! + memory[newer + 3]! + distanceY * distanceY * weight;
    memory[to + 4] = memory[older + 4]! + memory[newer + 4]! + distanceX * distanceY * weight;
  },
  advance(fold, at, length) {
    const memory = fold.memory;
    const inputX = fold.inputs[0]!;
    const inputY = fold.inputs[1]!;
    const outX = fold.outputs[0]!;
    const outY = fold.outputs[1]!;
    const outXX = fold.outputs[2]!;
    const outYY = fold.outputs[3]!;
    const outXY = fold.outputs[4]!;
    const { ringFrom, ringTo, stride, isFull, middleBars } = fold;
    const { middle, running } = fold;
    const middleX = memory[middle]!;
    const middleY = memory[middle + 1]!;
    const middleXX = memory[middle + 2]!;
    const middleYY = memory[middle + 3]!;
    const middleXY = memory[middle + 4]!;
    let meanX = memory[running]!;
    let meanY = memory[running + 1]!;
    let xx = memory[running + 2]!;
    let yy = memory[running + 3]!;
    let xy = memory[running + 4]!;
    let bars = fold.runningBars;
    let next = fold.next;
    let oldest = fold.oldest;
    let oldestBars = fold.oldestBars;
    let suffix = fold.suffix;
    let suffixBars = fold.suffixBars;
    const hasSuffix = fold.suffixesLeft > 0;
    const made = suffix + stride === ringTo ? ringFrom : suffix + stride;
    let suffixX = memory[made]!;
    let suffixY = memory[made + 1]!;
    let suffixXX = memory[made + 2]!;
    let suffixYY = memory[made + 3]!;
    let suffixXY = memory[made + 4]!;
    for (let i = at; i < at + length; i++) {
      const x = inputX[i]!;
      const y = inputY[i]!;
      bars++;
      const distanceX = x - meanX;
      const distanceY = y - meanY;
      meanX += distanceX / bars;
      meanY += distanceY / bars;
      xx += distanceX * (x - meanX);
      yy += distanceY * (y - meanY);
      xy += distanceX * (y - meanY);
      memory[next] = x;
      memory[next + 1] = y;
      memory[next + 2] = 0;
      memory[next + 3] = 0;
      memory[next + 4] = 0;
      next += stride;
      if (next === ringTo) next = ringFrom;
      if (hasSuffix) {
        const beforeX = memory[suffix]!;
        const beforeY = memory[suffix + 1]!;
        const awayX = beforeX - suffixX;
        const awayY = beforeY - suffixY;
        suffixBars++;
        suffixX += awayX / suffixBars;
        suffixY += awayY / suffixBars;
        suffixXX += awayX * (beforeX - suffixX);
        suffixYY += awayY * (beforeY - suffixY);
        suffixXY += awayX * (beforeY - suffixY);
        memory[suffix] = suffixX;
        memory[suffix + 1] = suffixY;
        memory[suffix + 2] = suffixXX;
        memory[suffix + 3] = suffixYY;
        memory[suffix + 4] = suffixXY;
        suffix = suffix === ringFrom ? ringTo - stride : suffix - stride;
      }
      if (isFull) {
        let wholeX = memory[oldest]!;
        let wholeY = memory[oldest + 1]!;
        let wholeXX = memory[oldest + 2]!;
        let wholeYY = memory[oldest + 3]!;
        let wholeXY = memory[oldest + 4]!;
        let wholeBars = oldestBars;
        if (middleBars > 0) {
          const apartX = middleX - wholeX;
          const apartY = middleY - wholeY;
          const both = wholeBars + middleBars;
          const weight = (wholeBars * middleBars) / both;
          wholeX += (apartX * middleBars) / both;
          wholeY += (apartY * middleBars) / both;
          wholeXX = wholeXX + middleXX + apartX * apartX * weight;
          wholeYY = wholeYY + middleYY + apartY * apartY * weight;
          wholeXY = wholeXY + middleXY + apartX * apartY * weight;
          wholeBars = both;
        }
        const apartX = meanX - wholeX;
        const apartY = meanY - wholeY;
        const both = wholeBars + bars;
        const weight = (wholeBars * bars) / both;
        outX[i] = wholeX + (apartX * bars) / both;
        outY[i] = wholeY + (apartY * bars) / both;
        outXX[i] = wholeXX + xx + apartX * apartX * weight;
        outYY[i] = wholeYY + yy + apartY * apartY * weight;
        outXY[i] = wholeXY + xy + apartX * apartY * weight;
        oldestBars--;
        oldest += stride;
        if (oldest === ringTo) oldest = ringFrom;
      } else {
        outX[i] = NaN;
        outY[i] = NaN;
        outXX[i] = NaN;
        outYY[i] = NaN;
        outXY[i] = NaN;
      }
    }
    memory[running] = meanX;
    memory[running + 1] = meanY;
    memory[running + 2] = xx;
    memory[running + 3] = yy;
    memory[running + 4] = xy;
    fold.next = next;
    fold.oldest = oldest;
    fold.suffix = suffix;
    fold.suffixBars = suffixBars;
    if (hasSuffix) fold.suffixesLeft -= length;
  },
};
