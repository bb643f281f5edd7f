/**
 * Average uniqueness of overlapping labels (López de Prado, Advances in Financial Machine Learning, 2018, ch. 4.3): a
 * label depends on the bars (from, end]; its share of each bar is 1 over the number of labels that depend on that bar;
 * the label's uniqueness is the mean of its shares, in (0, 1]. The sum over all labels is about the equivalent number
 * of independent rows.
 *
 * Labels of other pairs do not count, though pairs with a common leg move together: how much of a label two spreads
 * share is not known from their times, and as pairs have their candidates in the same hours, counting them would scale
 * all weights nearly alike. The sum is therefore too high for rows of several pairs together. How much, measured on
 * AI1's evaluation labels of ten pairs, January–August 2019: labels of the same minute correlate by 0.27 between pairs
 * with a common leg and by 0.08 between others, which makes the sum about 1.2 times too high.
 *
 * O(labels + bars): the numbers of labels by prefix sums of a difference array, their reciprocals summed up in a second
 * pass.
 * @param from bar at whose close the label's row was known
 * @param end bar at which the label was known, > from
 * @param bars length of the history: all of `end` are below it
 * @returns [labels]
 */
export function averageUniqueness(from: Int32Array, end: Int32Array, bars: number): Float64Array {
  const changes = new Int32Array(bars + 1);
  for (let i = 0; i < from.length; i++) {
    changes[from[i]! + 1]!++;
    changes[end[i]! + 1]!--;
  }
  // shares[k]: sum of the reciprocals at the bars below k.
  const shares = new Float64Array(bars + 1);
  let labels = 0;
  for (let k = 0; k < bars; k++) {
    labels += changes[k]!;
    shares[k + 1] = shares[k]! + (labels > 0 ? 1 / labels : 0);
  }
  return Float64Array.from(from, (first, i) => {
    const last = end[i]!;
    return (shares[last + 1]! - shares[first + 1]!) / (last - first);
  });
}

/**
 * Training weight of each label: the square root of its uniqueness, scaled to mean 1. The uniqueness itself, as in the
 * book, gives crowded rows almost no weight, though models are evaluated on all rows alike; without weights one move
 * counts many times. Measured by AI1's AUC on two inner periods of real data, rows of
 * equal weight: none 0.6229 and 0.6258, root 0.6219 and 0.6287, whole 0.6187 and 0.6278; weighted by uniqueness: 0.6419
 * and 0.6361, 0.6461 and 0.6455, 0.6470 and 0.6502.
 */
export function sampleWeights(uniqueness: Float64Array): Float64Array {
  const roots = uniqueness.map(Math.sqrt);
  const sum = roots.reduce((total, root) => total + root, 0);
  return roots.map((root) => (root * roots.length) / sum);
}
