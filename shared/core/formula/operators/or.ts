import { POINTWISE, condition, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const OR: Operator = {
  ...POINTWISE,
  name: 'or',
  sign: 'or',
  isCommutative: true,
  parameters: [condition('x'), condition('y')],
  type: 'boolean',
  unit: () => PLAIN,
  meaning: 'Whether at least one holds; missing when either is.',
  source: 'Boole',
  build: (graph, inputs) => graph.pointwise('or', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    const y = windows[1]![0]!;
    return Number.isNaN(x) || Number.isNaN(y) ? NaN : Number(x === 1 || y === 1);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  const ys = inputs[1]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    const value = x + y - x * y + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
