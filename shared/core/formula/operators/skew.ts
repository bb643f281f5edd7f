import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { SHAPE } from '../kernel/aggregate/shape.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';
import { centeredPower } from '../window_statistics.ts';

export const SKEW: Operator = {
  name: 'skew',
  family: 'fold',
  parameters: [series('x'), windowOf(3, MAX_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Skewness of the last n values, without bias for normal ones; missing when they are constant.',
  source: 'pandas.Series.rolling.skew',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(SHAPE.doubles, n!),
  build: (graph, [x], [n]) => graph.pointwise('skew of shape', folded(graph, SHAPE, [x!], n!), loop, [n!]),
  oracle: ([x]) => {
    const bars = x!.length;
    const variance = centeredPower(x!, 2) / bars;
    const third = centeredPower(x!, 3) / bars;
    return finite((Math.sqrt(bars * (bars - 1)) / (bars - 2)) * (third / (variance * Math.sqrt(variance))));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const means = inputs[0]!;
  const seconds = inputs[1]!;
  const thirds = inputs[2]!;
  const bars = constants[0]!;
  const scale = Math.sqrt(bars * (bars - 1)) / (bars - 2);
  for (let i = 0; i < count; i++) {
    const second = seconds[i]!;
    const mean = means[i]!;
    const variance = second / bars;
    const value = (scale * thirds[i]!) / bars / (variance * Math.sqrt(variance)) + 0;
    if (second > FLAT * mean * mean * bars && value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
