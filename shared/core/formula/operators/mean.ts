import { finite } from '../finite.ts';
import { SUMS } from '../kernel/aggregate/sums.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { average } from '../window_statistics.ts';

export const MEAN: Operator = {
  name: 'mean',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'Mean of the last n values.',
  source: 'pandas.Series.rolling.mean',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(SUMS.doubles, n!),
  build: (graph, [x], [n]) => graph.pointwise('mean of sums', folded(graph, SUMS, [x!], n!), loop, [n!]),
  oracle: ([x]) => finite(average(x!)),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const sums = inputs[0]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const value = sums[i]! / bars + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
