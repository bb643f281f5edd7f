import { finite } from '../finite.ts';
import { constant, POINTWISE, series, type Operator } from '../operator.ts';

export const CLIP: Operator = {
  ...POINTWISE,
  name: 'clip',
  parameters: [series('x'), constant('lowest', -1e300, 1e300), constant('highest', -1e300, 1e300)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'x, but at least `lowest` and at most `highest`.',
  source: 'numpy.clip',
  build: (graph, inputs, constants) => graph.pointwise('clip', inputs, loop, constants),
  oracle: ([x], [lowest, highest]) => finite(Math.min(highest!, Math.max(lowest!, x![0]!))),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number, constants: readonly number[]): void {
  const xs = inputs[0]!;
  const lowest = constants[0]!;
  const highest = constants[1]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    // Where the bounds cross, the upper one holds.
    if (x !== x) out[i] = NaN;
    else if (x > highest || lowest > highest) out[i] = highest;
    else if (x < lowest) out[i] = lowest;
    else out[i] = x;
  }
}
