import { finite } from '../finite.ts';
import { DecayedSums, decayedWeight } from '../kernel/aggregate/decayed.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { decayedAverage } from '../window_statistics.ts';

export const EMA: Operator = {
  name: 'ema',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW / 4)],
  type: 'number',
  unit: (units) => units[0],
  meaning:
    'Exponential mean: the value of k bars ago has weight (1 − 2/(n + 1))^k, for k < 4n; older ones would have 0.03 % of all weight.',
  source: 'pandas.Series.ewm(span=n) over 4n bars',
  cost: 'constant',
  bars: ([n]) => 4 * n!,
  doubles: ([n]) => foldDoubles(1, 4 * n!),
  build: (graph, [x], [n]) => {
    const decay = 1 - 2 / (n! + 1);
    const bars = 4 * n!;
    const sums = folded(graph, new DecayedSums(decay, bars), [x!], bars);
    return graph.pointwise('decayed mean', sums, loop, [decayedWeight(decay, bars)]);
  },
  oracle: ([x], [n]) => finite(decayedAverage(x!, 1 - 2 / (n! + 1))),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const sums = inputs[0]!;
  const weight = constants[0]!;
  for (let i = 0; i < count; i++) {
    const value = sums[i]! / weight + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
