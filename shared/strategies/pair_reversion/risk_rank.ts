/**
 * The rank of a risk probability among the entry candidates of training: 0 = calmer than all, 1 = riskier than all.
 * `quantiles` are equally spaced quantiles of those probabilities, ascending, first = minimum, last = maximum. Between
 * quantiles the rank is linear; a value that several quantiles share has the middle of their ranks.
 */
export function riskRank(quantiles: readonly number[], probability: number): number {
  const last = quantiles.length - 1;
  if (last < 1) return 0.5;
  if (probability < quantiles[0]!) return 0;
  if (probability > quantiles[last]!) return 1;
  const from = lowerBound(quantiles, probability);
  if (quantiles[from] === probability) {
    let to = from;
    while (to < last && quantiles[to + 1] === probability) to++;
    return (from + to) / 2 / last;
  }
  const below = quantiles[from - 1]!;
  return (from - 1 + (probability - below) / (quantiles[from]! - below)) / last;
}

/** First index whose quantile is ≥ value. */
function lowerBound(quantiles: readonly number[], value: number): number {
  let low = 0;
  let high = quantiles.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (quantiles[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `count` + 1 equally spaced quantiles of `values` (linear interpolation), rounded to float32 as the models answer. */
export function riskQuantiles(values: ArrayLike<number>, count: number): number[] {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return [];
  return Array.from({ length: count + 1 }, (_, i) => {
    const at = (i / count) * (sorted.length - 1);
    const low = Math.floor(at);
    const high = Math.min(low + 1, sorted.length - 1);
    return Math.fround(sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low));
  });
}
