import type { Aggregate, Fold } from '../fold.ts';

/**
 * Σ x · decay^age, the age of the newest bar being 0. One double; result: that sum. A class, so that all decays share
 * one compiled method.
 */
export class DecayedSums implements Aggregate {
  readonly name: string;
  readonly doubles = 1;
  readonly inputs = 1;
  readonly outputs = 1;
  readonly #decay: number;
  readonly #powers: Float64Array;

  /** @param decay in (0, 1) @param bars of the window */
  constructor(decay: number, bars: number) {
    this.name = `decayed ${decay}`;
    this.#decay = decay;
    this.#powers = powersOf(decay, bars);
  }

  merge(memory: Float64Array, older: number, _: number, newer: number, newerBars: number, to: number): void {
    const powers = this.#powers;
    // Nodes that are longer than the window are merged too, and never read.
    memory[to] = memory[older]! * powers[Math.min(newerBars, powers.length - 1)]! + memory[newer]!;
  }

  advance(fold: Fold, at: number, length: number): void {
    const decay = this.#decay;
    const powers = this.#powers;
    const memory = fold.memory;
    const input = fold.inputs[0]!;
    const out = fold.outputs[0]!;
    const { ringFrom, ringTo, stride, isFull, middleBars } = fold;
    const middle = memory[fold.middle]!;
    const middlePower = powers[middleBars]!;
    let sum = memory[fold.running]!;
    let bars = fold.runningBars;
    let next = fold.next;
    let oldest = fold.oldest;
    let suffix = fold.suffix;
    const hasSuffix = fold.suffixesLeft > 0;
    let suffixSum = hasSuffix ? memory[suffix + stride === ringTo ? ringFrom : suffix + stride]! : 0;
    let suffixBars = fold.suffixBars;
    for (let i = at; i < at + length; i++) {
      const x = input[i]!;
      sum = sum * decay + x;
      bars++;
      memory[next] = x;
      next += stride;
      if (next === ringTo) next = ringFrom;
      if (hasSuffix) {
        suffixSum = memory[suffix]! * powers[suffixBars]! + suffixSum;
        suffixBars++;
        memory[suffix] = suffixSum;
        suffix = suffix === ringFrom ? ringTo - stride : suffix - stride;
      }
      if (isFull) {
        const whole = middleBars > 0 ? memory[oldest]! * middlePower + middle : memory[oldest]!;
        out[i] = whole * powers[bars]! + sum;
        oldest += stride;
        if (oldest === ringTo) oldest = ringFrom;
      } else out[i] = NaN;
    }
    memory[fold.running] = sum;
    fold.next = next;
    fold.oldest = oldest;
    fold.suffix = suffix;
    fold.suffixBars = suffixBars;
    if (hasSuffix) fold.suffixesLeft -= length;
  }
}

/** Σ decay^age over a window. */
export function decayedWeight(decay: number, bars: number): number {
  let weight = 0;
  for (const power of powersOf(decay, bars).subarray(0, bars)) weight += power;
  return weight;
}

/** decay^0 … decay^bars, by repeated multiplication: Math.pow has other bits in other versions of Node. */
function powersOf(decay: number, bars: number): Float64Array {
  const powers = new Float64Array(bars + 1);
  powers[0] = 1;
  for (let i = 1; i <= bars; i++) powers[i] = powers[i - 1]! * decay;
  return powers;
}
