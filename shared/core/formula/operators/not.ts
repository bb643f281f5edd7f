import { finite } from '../finite.ts';

import { POINTWISE, condition, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const NOT: Operator = {
  ...POINTWISE,
  name: 'not',
  sign: 'not',
  parameters: [condition('x')],
  type: 'boolean',
  unit: () => PLAIN,
  meaning: 'Whether x does not hold.',
  source: 'Boole',
  build: (graph, inputs) => graph.pointwise('not', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(x === 1 ? 0 : x === 0 ? 1 : NaN);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = 1 - x + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
