import { finite } from '../finite.ts';
import { POINTWISE, series, type Operator } from '../operator.ts';
import { common } from '../unit.ts';

export const LEAST: Operator = {
  ...POINTWISE,
  name: 'least',

  isCommutative: true,
  parameters: [series('x'), series('y')],
  type: 'number',
  unit: common,
  meaning: 'The lesser of x and y.',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('least', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    const y = windows[1]![0]!;
    return finite(Math.min(x, y));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  const ys = inputs[1]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    if (x <= y) out[i] = x;
    else if (x > y) out[i] = y;
    else out[i] = NaN;
  }
}
