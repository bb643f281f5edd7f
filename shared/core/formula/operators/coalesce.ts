import { POINTWISE, series, type Operator } from '../operator.ts';
import { common } from '../unit.ts';

export const COALESCE: Operator = {
  ...POINTWISE,
  name: 'coalesce',
  parameters: [series('x'), series('y')],
  type: 'number',
  unit: common,
  meaning: 'x, or y where x is missing.',
  source: 'SQL',
  build: (graph, inputs) => graph.pointwise('coalesce', inputs, loop),
  oracle: ([x, y]) => (Number.isNaN(x![0]) ? y![0]! : x![0]!),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  const y = inputs[1]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    if (x === x) out[i] = x;
    else out[i] = y[i]!;
  }
}
