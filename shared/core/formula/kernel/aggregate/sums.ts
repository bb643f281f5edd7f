import type { Aggregate } from '../fold.ts';

/** Σ x. One double; result: the sum. */
export const SUMS: Aggregate = {
  name: 'sums',
  doubles: 1,
  inputs: 1,
  outputs: 1,
  merge(memory, older, _olderBars, newer, _newerBars, to) {
    memory[to] = memory[older]! + memory[newer]!;
  },
  advance(fold, at, length) {
    const memory = fold.memory;
    const input = fold.inputs[0]!;
    const out = fold.outputs[0]!;
    const { ringFrom, ringTo, stride, isFull, middleBars } = fold;
    const middle = memory[fold.middle]!;
    let sum = memory[fold.running]!;
    let next = fold.next;
    let oldest = fold.oldest;
    let suffix = fold.suffix;
    const hasSuffix = fold.suffixesLeft > 0;
    let suffixSum = hasSuffix ? memory[suffix + stride === ringTo ? ringFrom : suffix + stride]! : 0;
    for (let i = at; i < at + length; i++) {
      const x = input[i]!;
      sum += x;
      memory[next] = x;
      next += stride;
      if (next === ringTo) next = ringFrom;
      if (hasSuffix) {
        suffixSum = memory[suffix]! + suffixSum;
        memory[suffix] = suffixSum;
        suffix = suffix === ringFrom ? ringTo - stride : suffix - stride;
      }
      if (isFull) {
        const whole = middleBars > 0 ? memory[oldest]! + middle : memory[oldest]!;
        out[i] = whole + sum;
        oldest += stride;
        if (oldest === ringTo) oldest = ringFrom;
      } else out[i] = NaN;
    }
    memory[fold.running] = sum;
    fold.next = next;
    fold.oldest = oldest;
    fold.suffix = suffix;
    if (hasSuffix) fold.suffixesLeft -= length;
  },
};
