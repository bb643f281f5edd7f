import { finite } from '../finite.ts';
import { COMOMENTS } from '../kernel/aggregate/comoments.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { centered } from '../window_statistics.ts';
import { product } from '../unit.ts';

export const COV: Operator = {
  name: 'cov',
  family: 'fold',
  isCommutative: true,
  parameters: [series('x'), series('y'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => product(units[0]!, units[1]!),
  meaning: 'Sample covariance of the last n values of x and y (ddof 1).',
  source: 'Chan, Golub, LeVeque (1979)',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(COMOMENTS.doubles, n!),
  build: (graph, [x, y], [n]) =>
    graph.pointwise('cov of comoments', folded(graph, COMOMENTS, [x!, y!], n!), loop, [n!]),
  oracle: ([x, y]) => finite(centered(x!, [...y!]) / (x!.length - 1)),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const xy = inputs[4]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const value = xy[i]! / (bars - 1) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
