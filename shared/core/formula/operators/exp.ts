import { finite } from '../finite.ts';
import { exp } from '../../../elementary.ts';
import { POINTWISE, series, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const EXP: Operator = {
  ...POINTWISE,
  name: 'exp',

  parameters: [series('x')],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'e to the power of x; 0 below −708, missing above 709.',
  source: 'shared/elementary.ts',
  build: (graph, inputs) => graph.pointwise('exp', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    if (x < -708) return 0;
    return x > 709 ? NaN : finite(Math.exp(x));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = exp(x) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
