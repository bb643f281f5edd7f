import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { COMOMENTS } from '../kernel/aggregate/comoments.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { centered } from '../window_statistics.ts';
import { PLAIN } from '../unit.ts';

export const CORR: Operator = {
  name: 'corr',
  family: 'fold',
  isCommutative: true,
  parameters: [series('x'), series('y'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Pearson’s correlation of the last n values of x and y, −1 to 1; missing when either is constant.',
  source: 'Chan, Golub, LeVeque (1979)',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(COMOMENTS.doubles, n!),
  build: (graph, [x, y], [n]) =>
    graph.pointwise('corr of comoments', folded(graph, COMOMENTS, [x!, y!], n!), loop, [n!]),
  oracle: ([x, y]) => {
    const both = Math.sqrt(centered(x!, x!)) * Math.sqrt(centered(y!, y!));
    return finite(Math.max(-1, Math.min(1, centered(x!, [...y!]) / both)));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const meansX = inputs[0]!;
  const meansY = inputs[1]!;
  const xx = inputs[2]!;
  const yy = inputs[3]!;
  const xy = inputs[4]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const meanX = meansX[i]!;
    const meanY = meansY[i]!;
    const momentX = xx[i]!;
    const momentY = yy[i]!;
    const isFlat = !(momentX > FLAT * meanX * meanX * bars && momentY > FLAT * meanY * meanY * bars);
    const value = xy[i]! / (Math.sqrt(momentX) * Math.sqrt(momentY)) + 0;
    if (isFlat) out[i] = NaN;
    else if (value > 1) out[i] = 1;
    else if (value < -1) out[i] = -1;
    else if (value === value) out[i] = value;
    else out[i] = NaN;
  }
}
