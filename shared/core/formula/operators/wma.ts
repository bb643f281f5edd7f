import { finite } from '../finite.ts';
import { TREND } from '../kernel/aggregate/trend.ts';
import { foldDoubles, folded } from '../kernel/fold.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';

export const WMA: Operator = {
  name: 'wma',
  family: 'fold',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'Mean of the last n values with weights 1 … n, the newest having n: linear decay.',
  source: 'TA-Lib WMA',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => foldDoubles(TREND.doubles, n!),
  build: (graph, [x], [n]) => graph.pointwise('wma of trend', folded(graph, TREND, [x!], n!), loop, [n!]),
  oracle: ([x]) => finite(x!.reduce((sum, value, i) => sum + (i + 1) * value, 0) / ((x!.length * (x!.length + 1)) / 2)),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const means = inputs[0]!;
  const comoments = inputs[1]!;
  const bars = constants[0]!;
  for (let i = 0; i < count; i++) {
    const value = means[i]! + (2 * comoments[i]!) / (bars * (bars + 1)) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
