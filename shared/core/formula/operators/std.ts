import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { MOMENTS } from '../kernel/aggregate/moments.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { variance } from '../window_statistics.ts';

export const STD: Operator = {
  name: 'std',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'Sample standard deviation of the last n values (ddof 1); 0 when it is below 1e-12 · |mean|.',
  source: 'Chan, Golub, LeVeque (1979)',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(MOMENTS.doubles, n!),
  build: (graph, [x], [n]) => graph.pointwise('std of moments', folded(graph, MOMENTS, [x!], n!), loop, [n!]),
  oracle: ([x]) => finite(Math.sqrt(variance(x!))),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const means = inputs[0]!;
  const moments = inputs[1]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const moment = moments[i]!;
    const mean = means[i]!;
    const value = Math.sqrt(moment / (bars - 1));
    if (moment <= FLAT * mean * mean * bars) out[i] = 0;
    else if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
