import { finite } from '../finite.ts';

import { POINTWISE, series, type Operator } from '../operator.ts';
import { product } from '../unit.ts';

export const SQRT: Operator = {
  ...POINTWISE,
  name: 'sqrt',

  parameters: [series('x')],
  type: 'number',
  unit: (units) => (units[0] === null ? null : product(null, units[0]!, 0.5)),
  meaning: 'Square root; missing for x < 0.',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('sqrt', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(Math.sqrt(x));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = Math.sqrt(x) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
