/**
 * The sum of doubles, rounded once: independent of their order, so that the same money is the same number wherever it
 * is added up. Partial sums without rounding error (Shewchuk, Adaptive precision floating-point arithmetic, Discrete &
 * Computational Geometry 18, 1997), as Python's `math.fsum`.
 */
export class ExactSum {
  /** Do not overlap; ascending by magnitude. */
  readonly #partials: number[] = [];

  /** @param value finite */
  add(value: number): this {
    let rest = value;
    let kept = 0;
    for (const partial of this.#partials) {
      const [large, small] = Math.abs(rest) >= Math.abs(partial) ? [rest, partial] : [partial, rest];
      const sum = large + small;
      const error = small - (sum - large);
      if (error !== 0) this.#partials[kept++] = error;
      rest = sum;
    }
    this.#partials.length = kept;
    this.#partials.push(rest);
    return this;
  }

  get value(): number {
    const partials = this.#partials;
    let at = partials.length - 1;
    if (at < 0) return 0;
    let sum = partials[at]!;
    let error = 0;
    while (at > 0 && error === 0) {
      const before = sum;
      const next = partials[--at]!;
      sum = before + next;
      error = next - (sum - before);
    }
    // Half to even: what is left over decides which way a tie is rounded.
    if (at > 0 && error !== 0 && Math.sign(error) === Math.sign(partials[at - 1]!)) {
      const twice = 2 * error;
      const up = sum + twice;
      if (up - sum === twice) sum = up;
    }
    // Of nothing but −0 the sum is 0.
    return sum + 0;
  }
}

/** @param values finite */
export function exactSum(values: Iterable<number>): number {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.value;
}
