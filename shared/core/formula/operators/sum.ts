import { finite } from '../finite.ts';
import { SUMS } from '../kernel/aggregate/sums.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';

export const SUM: Operator = {
  name: 'sum',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'Sum of the last n values.',
  source: 'pandas.Series.rolling.sum',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(SUMS.doubles, n!),
  build: (graph, [x], [n]) => graph.pointwise('sum of sums', folded(graph, SUMS, [x!], n!), loop),
  oracle: ([x]) => finite(x!.reduce((sum, value) => sum + value, 0)),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const sums = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const value = sums[i]! + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
