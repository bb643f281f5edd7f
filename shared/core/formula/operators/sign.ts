import { finite } from '../finite.ts';

import { POINTWISE, series, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const SIGN: Operator = {
  ...POINTWISE,
  name: 'sign',

  parameters: [series('x')],
  type: 'number',
  unit: () => PLAIN,
  meaning: '−1, 0 or 1.',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('sign', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(Math.sign(x));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    if (x > 0) out[i] = 1;
    else if (x < 0) out[i] = -1;
    else out[i] = x;
  }
}
