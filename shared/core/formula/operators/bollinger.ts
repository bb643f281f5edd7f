import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { MOMENTS } from '../kernel/aggregate/moments.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { constant, series, windowOf, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';
import { average, centered } from '../window_statistics.ts';

export const BOLLINGER: Operator = {
  name: 'bollinger',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW), constant('k', 0.01, 100)],
  type: 'number',
  unit: () => PLAIN,
  meaning:
    'Place of x in the band of k standard deviations (ddof 0) around the mean of the last n values: 0 at its lower end, 1 at its upper; missing when the deviation is 0.',
  source: 'Bollinger (2001), %b',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(MOMENTS.doubles, n!),
  build: (graph, [x], [n, k]) =>
    graph.pointwise('bollinger of moments', [x!, ...folded(graph, MOMENTS, [x!], n!)], loop, [n!, k!]),
  oracle: ([x], [, k]) => {
    const deviation = Math.sqrt(centered(x!, x!) / x!.length);
    return finite((x!.at(-1)! - average(x!)) / (2 * k! * deviation) + 0.5);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const x = inputs[0]!;
  const means = inputs[1]!;
  const moments = inputs[2]!;
  const bars = constants[0]!;
  const width = 2 * constants[1]!;
  for (let i = 0; i < count; i++) {
    const moment = moments[i]!;
    const mean = means[i]!;
    const value = (x[i]! - mean) / (width * Math.sqrt(moment / bars)) + 0.5 + 0;
    if (moment > FLAT * mean * mean * bars && value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
