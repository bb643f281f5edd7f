import { finite } from '../finite.ts';

import { POINTWISE, series, type Operator } from '../operator.ts';

export const NEGATE: Operator = {
  ...POINTWISE,
  name: 'negate',
  sign: '-',
  parameters: [series('x')],
  type: 'number',
  unit: (units) => units[0],
  meaning: '−x',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('negate', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(0 - x);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = -x + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
