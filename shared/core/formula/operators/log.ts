import { finite } from '../finite.ts';
import { ln } from '../../../elementary.ts';
import { POINTWISE, series, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const LOG: Operator = {
  ...POINTWISE,
  name: 'log',

  parameters: [series('x')],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Natural logarithm; missing for x ≤ 0. The difference of two logarithms of prices has no unit.',
  source: 'shared/elementary.ts',
  build: (graph, inputs) => graph.pointwise('log', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(Math.log(x));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = ln(x) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
