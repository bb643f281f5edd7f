import { POINTWISE, series, type Operator } from '../operator.ts';
import { common, PLAIN } from '../unit.ts';

export const EQUAL: Operator = {
  ...POINTWISE,
  name: 'equal',
  sign: '==',
  isCommutative: true,
  parameters: [series('x'), series('y')],
  type: 'boolean',
  unit: (units) => (common(units) === undefined ? undefined : PLAIN),
  meaning: 'Whether x and y are the same number. `x != y` is `not (x == y)`.',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('equal', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    const y = windows[1]![0]!;
    return Number.isNaN(x) || Number.isNaN(y) ? NaN : Number(x === y);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  const ys = inputs[1]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    if (x === y) out[i] = 1;
    else if (x - y !== x - y) out[i] = NaN;
    else out[i] = 0;
  }
}
