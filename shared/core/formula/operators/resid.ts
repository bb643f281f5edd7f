import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { COMOMENTS } from '../kernel/aggregate/comoments.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { average, centered } from '../window_statistics.ts';

export const RESID: Operator = {
  name: 'resid',
  family: 'fold',
  parameters: [series('y'), series('x'), windowOf(3, MAX_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning:
    'y − what the line through the last n values of y over x says of x, by least squares; missing when x is constant.',
  source: 'Chan, Golub, LeVeque (1979)',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(COMOMENTS.doubles, n!),
  build: (graph, [y, x], [n]) =>
    graph.pointwise('resid of comoments', [y!, x!, ...folded(graph, COMOMENTS, [x!, y!], n!)], loop, [n!]),
  oracle: ([y, x]) => {
    const slope = centered(x!, [...y!]) / centered(x!, x!);
    return finite(y!.at(-1)! - average(y!) - slope * (x!.at(-1)! - average(x!)));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const y = inputs[0]!;
  const x = inputs[1]!;
  const meansX = inputs[2]!;
  const meansY = inputs[3]!;
  const xx = inputs[4]!;
  const xy = inputs[6]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const moment = xx[i]!;
    const mean = meansX[i]!;
    const value = y[i]! - meansY[i]! - (xy[i]! / moment) * (x[i]! - mean) + 0;
    if (moment > FLAT * mean * mean * bars && value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
