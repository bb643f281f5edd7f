import { finite } from '../finite.ts';

import { POINTWISE, series, type Operator } from '../operator.ts';

export const ABS: Operator = {
  ...POINTWISE,
  name: 'abs',

  parameters: [series('x')],
  type: 'number',
  unit: (units) => units[0],
  meaning: '|x|',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('abs', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(Math.abs(x));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    if (x < 0) out[i] = -x;
    else out[i] = x;
  }
}
