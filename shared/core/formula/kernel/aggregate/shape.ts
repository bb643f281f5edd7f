import type { Aggregate } from '../fold.ts';

const MEAN = 0;
const SECOND = 1;
const THIRD = 2;
const FOURTH = 3;
const DOUBLES = 4;

/** The window while it is being put together. */
const WHOLE = new Float64Array(DOUBLES);

/**
 * Mean and centered moments up to the fourth. Four doubles; results: mean, Σ (x − mean)², Σ (x − mean)³, Σ (x − mean)⁴.
 * Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments"
 * (2008).
 */
export const SHAPE: Aggregate = {
  name: 'shape',
  doubles: DOUBLES,
  inputs: 1,
  outputs: DOUBLES,
  merge(memory, older, olderBars, newer, newerBars, to) {
    join(memory, older, olderBars, memory, newer, newerBars, memory, to);
  },
  advance(fold, at, length) {
    const memory = fold.memory;
    const input = fold.inputs[0]!;
    const { ringFrom, ringTo, stride, isFull, middleBars, middle, running } = fold;
    const hasSuffix = fold.suffixesLeft > 0;
    let bars = fold.runningBars;
    for (let i = at; i < at + length; i++) {
      const row = fold.next;
      memory[row + MEAN] = input[i]!;
      memory[row + SECOND] = 0;
      memory[row + THIRD] = 0;
      memory[row + FOURTH] = 0;
      if (bars === 0) copy(memory, row, memory, running);
      else join(memory, running, bars, memory, row, 1, memory, running);
      bars++;
      fold.next = row + stride === ringTo ? ringFrom : row + stride;
      if (hasSuffix) {
        const suffix = fold.suffix;
        const made = suffix + stride === ringTo ? ringFrom : suffix + stride;
        join(memory, suffix, 1, memory, made, fold.suffixBars, memory, suffix);
        fold.suffixBars++;
        fold.suffix = fold.rowBefore(suffix);
      }
      if (isFull) {
        copy(memory, fold.oldest, WHOLE, 0);
        let wholeBars = fold.oldestBars;
        if (middleBars > 0) {
          join(WHOLE, 0, wholeBars, memory, middle, middleBars, WHOLE, 0);
          wholeBars += middleBars;
        }
        join(WHOLE, 0, wholeBars, memory, running, bars, WHOLE, 0);
        for (let j = 0; j < DOUBLES; j++) fold.outputs[j]![i] = WHOLE[j]!;
        fold.oldestBars--;
        fold.oldest = fold.oldest + stride === ringTo ? ringFrom : fold.oldest + stride;
      } else for (let j = 0; j < DOUBLES; j++) fold.outputs[j]![i] = NaN;
    }
    if (hasSuffix) fold.suffixesLeft -= length;
  },
};

/** By places, because doubles as arguments get boxed wherever a call is not inlined. `to` may be one of the two. */
function join(
  ofOlder: Float64Array,
  older: number,
  olderBars: number,
  ofNewer: Float64Array,
  newer: number,
  newerBars: number,
  out: Float64Array,
  to: number,
): void {
  const bars = olderBars + newerBars;
  const distance = ofNewer[newer + MEAN]! - ofOlder[older + MEAN]!;
  const share = distance / bars;
  const weight = distance * share * olderBars * newerBars;
  const olderSecond = ofOlder[older + SECOND]!;
  const newerSecond = ofNewer[newer + SECOND]!;
  const olderThird = ofOlder[older + THIRD]!;
  const newerThird = ofNewer[newer + THIRD]!;
  const seconds = olderBars * olderBars * newerSecond + newerBars * newerBars * olderSecond;
  const square = olderBars * olderBars - olderBars * newerBars + newerBars * newerBars;
  out[to + FOURTH] =
    ofOlder[older + FOURTH]! +
    ofNewer[newer + FOURTH]! +
    weight * share * share * square +
    6 * share * share * seconds +
    4 * share * (olderBars * newerThird - newerBars * olderThird);
  out[to + THIRD] =
    olderThird +
    newerThird +
    weight * share * (olderBars - newerBars) +
    3 * share * (olderBars * newerSecond - newerBars * olderSecond);
  out[to + SECOND] = olderSecond + newerSecond + weight;
  out[to + MEAN] = ofOlder[older + MEAN]! + share * newerBars;
}

function copy(from: Float64Array, at: number, out: Float64Array, to: number): void {
  for (let j = 0; j < DOUBLES; j++) out[to + j] = from[at + j]!;
}
