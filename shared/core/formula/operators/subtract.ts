import { finite } from '../finite.ts';
import { POINTWISE, series, type Operator } from '../operator.ts';
import { common } from '../unit.ts';

export const SUBTRACT: Operator = {
  ...POINTWISE,
  name: 'subtract',
  sign: '-',

  parameters: [series('x'), series('y')],
  type: 'number',
  unit: common,
  meaning: 'x − y',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('subtract', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    const y = windows[1]![0]!;
    return finite(x - y);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  const ys = inputs[1]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    const value = x - y + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
