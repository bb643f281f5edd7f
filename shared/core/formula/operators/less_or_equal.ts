import { POINTWISE, series, type Operator } from '../operator.ts';
import { common, PLAIN } from '../unit.ts';

export const LESS_OR_EQUAL: Operator = {
  ...POINTWISE,
  name: 'less_or_equal',
  sign: '<=',

  parameters: [series('x'), series('y')],
  type: 'boolean',
  unit: (units) => (common(units) === undefined ? undefined : PLAIN),
  meaning: 'Whether x is at most y. `x >= y` is `y <= x`.',
  source: 'IEEE 754',
  build: (graph, inputs) => graph.pointwise('less_or_equal', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    const y = windows[1]![0]!;
    return Number.isNaN(x) || Number.isNaN(y) ? NaN : Number(x <= y);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  const ys = inputs[1]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    if (x <= y) out[i] = 1;
    else if (x > y) out[i] = 0;
    else out[i] = NaN;
  }
}
