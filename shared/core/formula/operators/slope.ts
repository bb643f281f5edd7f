import { finite } from '../finite.ts';
import { TREND } from '../kernel/aggregate/trend.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { centered } from '../window_statistics.ts';

export const SLOPE: Operator = {
  name: 'slope',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'Slope of the line through the last n values by least squares, per bar.',
  source: 'ordinary least squares',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(TREND.doubles, n!),
  build: (graph, [x], [n]) => graph.pointwise('slope of trend', folded(graph, TREND, [x!], n!), loop, [n!]),
  oracle: ([x]) => finite(centered(times(x!), x!) / centered(times(x!), times(x!).slice())),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const comoments = inputs[1]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const value = comoments[i]! / ((bars * (bars * bars - 1)) / 12) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}

function times(window: readonly number[]): number[] {
  return window.map((_, i) => i);
}
