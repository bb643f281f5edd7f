/**
 * The rank of a risk probability among the entry candidates of training: 0 = calmer than all, 1 = riskier than all.
 * `knots` are equally spaced quantiles of those probabilities, ascending, first = minimum, last = maximum. Between knots
 * the rank is linear; a value that several knots share has the middle of their ranks.
 */
export function riskRank(knots: readonly number[], probability: number): number {
  const last = knots.length - 1;
  if (last < 1) return 0.5;
  if (probability < knots[0]!) return 0;
  if (probability > knots[last]!) return 1;
  const from = lowerBound(knots, probability);
  if (knots[from] === probability) {
    let to = from;
    // Stryker disable next-line ConditionalExpression,EqualityOperator: beyond the last knot is undefined, which equals no probability
    while (to < last && knots[to + 1] === probability) to++;
    return (from + to) / 2 / last;
  }
  const below = knots[from - 1]!;
  return (from - 1 + (probability - below) / (knots[from]! - below)) / last;
}

/** First index whose knot is ≥ value. */
function lowerBound(knots: readonly number[], value: number): number {
  let low = 0;
  // Stryker disable next-line ArithmeticOperator: no index beyond the last knot is found, as riskRank asks for no value above it
  let high = knots.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (knots[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `count` + 1 equally spaced quantiles of `values` (linear interpolation), rounded to float32 as the models answer. */
export function riskKnots(values: ArrayLike<number>, count: number): number[] {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return [];
  return Array.from({ length: count + 1 }, (_, i) => {
    const at = (i / count) * (sorted.length - 1);
    const low = Math.floor(at);
    const high = Math.min(low + 1, sorted.length - 1);
    return Math.fround(sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low));
  });
}
