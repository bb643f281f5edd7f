import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { COMOMENTS } from '../kernel/aggregate/comoments.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { centered } from '../window_statistics.ts';
import { product } from '../unit.ts';

export const BETA_OF: Operator = {
  name: 'beta_of',
  family: 'fold',
  parameters: [series('y'), series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => product(units[0]!, units[1]!, -1),
  meaning: 'Slope of the last n values of y on x by least squares; missing when x is constant.',
  source: 'Chan, Golub, LeVeque (1979)',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(COMOMENTS.doubles, n!),
  build: (graph, [y, x], [n]) =>
    graph.pointwise('beta of comoments', folded(graph, COMOMENTS, [x!, y!], n!), loop, [n!]),
  oracle: ([y, x]) => finite(centered(x!, [...y!]) / centered(x!, x!)),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const means = inputs[0]!;
  const xx = inputs[2]!;
  const xy = inputs[4]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const moment = xx[i]!;
    const mean = means[i]!;
    const value = xy[i]! / moment + 0;
    if (moment > FLAT * mean * mean * bars && value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
