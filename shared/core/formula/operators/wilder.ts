import { finite } from '../finite.ts';
import { DecayedSums, decayedWeight } from '../kernel/aggregate/decayed.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { decayedAverage } from '../window_statistics.ts';

export const WILDER: Operator = {
  name: 'wilder',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW / 8 - 1)],
  type: 'number',
  unit: (units) => units[0],
  meaning:
    'Wilder’s smoothing: the value of k bars ago has weight (1 − 1/n)^k, for k < 8n; older ones would have 0.03 % of all weight.',
  source: 'Wilder (1978), over 8n bars',
  cost: 'constant',
  bars: ([n]) => 8 * n!,
  doubles: ([n]) => foldDoubles(1, 8 * n!),
  build: (graph, [x], [n]) => {
    const decay = 1 - 1 / n!;
    const bars = 8 * n!;
    const sums = folded(graph, new DecayedSums(decay, bars), [x!], bars);
    return graph.pointwise('decayed mean', sums, loop, [decayedWeight(decay, bars)]);
  },
  oracle: ([x], [n]) => finite(decayedAverage(x!, 1 - 1 / n!)),
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
