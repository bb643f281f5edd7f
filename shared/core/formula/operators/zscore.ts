import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { MOMENTS } from '../kernel/aggregate/moments.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { average, variance } from '../window_statistics.ts';
import { PLAIN } from '../unit.ts';

export const ZSCORE: Operator = {
  name: 'zscore',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning: '(x − mean(x, n)) / std(x, n); missing when the deviation is 0.',
  source: 'Chan, Golub, LeVeque (1979)',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(MOMENTS.doubles, n!),
  build: (graph, [x], [n]) =>
    graph.pointwise('zscore of moments', [x!, ...folded(graph, MOMENTS, [x!], n!)], loop, [n!]),
  oracle: ([x]) => finite((x!.at(-1)! - average(x!)) / Math.sqrt(variance(x!))),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const x = inputs[0]!;
  const means = inputs[1]!;
  const moments = inputs[2]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const moment = moments[i]!;
    const mean = means[i]!;
    const value = (x[i]! - mean) / Math.sqrt(moment / (bars - 1)) + 0;
    if (moment > FLAT * mean * mean * bars && value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
