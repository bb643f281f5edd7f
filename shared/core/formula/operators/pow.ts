import { finite } from '../finite.ts';
import { constant, POINTWISE, series, type Operator } from '../operator.ts';
import { product } from '../unit.ts';

export const POW: Operator = {
  ...POINTWISE,
  name: 'pow',
  parameters: [series('x'), constant('power', 2, 8, true)],
  type: 'number',
  unit: (units, constants) => (units[0] === null ? null : product(null, units[0]!, constants[0])),
  meaning: 'x multiplied by itself, `power` times x.',
  source: 'repeated multiplication: Math.pow has other bits in other versions of Node',
  build: (graph, inputs, constants) => graph.pointwise('pow', inputs, loop, constants),
  oracle: ([x], [power]) =>
    finite(Array.from({ length: power! }, () => x![0]!).reduce((result, each) => result * each)),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const xs = inputs[0]!;
  const power = constants[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    let result = x;
    for (let j = 1; j < power; j++) result *= x;
    const value = result + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
