import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { SHAPE } from '../kernel/aggregate/shape.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';
import { centeredPower } from '../window_statistics.ts';

export const KURT: Operator = {
  name: 'kurt',
  family: 'fold',
  parameters: [series('x'), windowOf(4, MAX_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning:
    'Excess kurtosis of the last n values, without bias for normal ones, which have 0; missing when they are constant.',
  source: 'pandas.Series.rolling.kurt',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(SHAPE.doubles, n!),
  build: (graph, [x], [n]) => graph.pointwise('kurt of shape', folded(graph, SHAPE, [x!], n!), loop, [n!]),
  oracle: ([x]) => {
    const bars = x!.length;
    const second = centeredPower(x!, 2);
    const ratio = (bars * (bars + 1) * (bars - 1) * centeredPower(x!, 4)) / (second * second);
    return finite((ratio - 3 * (bars - 1) * (bars - 1)) / ((bars - 2) * (bars - 3)));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const means = inputs[0]!;
  const seconds = inputs[1]!;
  const fourths = inputs[3]!;
  const bars = constants[0]!;
  const factor = bars * (bars + 1) * (bars - 1);
  const normal = 3 * (bars - 1) * (bars - 1);
  const divisor = (bars - 2) * (bars - 3);
  for (let i = 0; i < count; i++) {
    const second = seconds[i]!;
    const mean = means[i]!;
    const value = ((factor * fourths[i]!) / (second * second) - normal) / divisor + 0;
    if (second > FLAT * mean * mean * bars && value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
